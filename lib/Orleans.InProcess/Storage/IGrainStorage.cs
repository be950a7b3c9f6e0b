using Orleans.Runtime;

namespace Orleans
{
    /// <summary>A state on its way to or from a storage.</summary>
    public interface IGrainState<T>
    {
        /// <summary>The state.</summary>
        T? State { get; set; }

        /// <summary>Its version: given by the storage, null if it was never stored.</summary>
        string? ETag { get; set; }

        /// <summary>Whether the storage has it.</summary>
        bool RecordExists { get; set; }
    }

    /// <summary>A state on its way to or from a storage.</summary>
    public sealed class GrainState<T> : IGrainState<T>
    {
        /// <summary>Without a state.</summary>
        public GrainState()
        {
        }

        /// <summary>With a state that was never stored.</summary>
        public GrainState(T? state)
            : this(state, null)
        {
        }

        /// <summary>With a state and its version.</summary>
        public GrainState(T? state, string? eTag)
        {
            State = state;
            ETag = eTag;
        }

        /// <inheritdoc/>
        public T? State { get; set; }

        /// <inheritdoc/>
        public string? ETag { get; set; }

        /// <inheritdoc/>
        public bool RecordExists { get; set; }
    }
}

namespace Orleans.Storage
{
    /// <summary>
    /// Keeps the states of grains. Writing and clearing compare the version (ETag) that the caller last saw with the
    /// stored one and throw <see cref="InconsistentStateException"/> if they differ.
    /// </summary>
    public interface IGrainStorage
    {
        /// <summary>Fills in state, version and existence.</summary>
        Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        /// <inheritdoc cref="ReadStateAsync{T}(string,GrainId,IGrainState{T})"/>
        Task ReadStateAsync<T>(
            string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
            ReadStateAsync(stateName, grainId, grainState);

        /// <summary>Stores the state and sets its new version.</summary>
        Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        /// <inheritdoc cref="WriteStateAsync{T}(string,GrainId,IGrainState{T})"/>
        Task WriteStateAsync<T>(
            string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
            WriteStateAsync(stateName, grainId, grainState);

        /// <summary>Removes the state.</summary>
        Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        /// <inheritdoc cref="ClearStateAsync{T}(string,GrainId,IGrainState{T})"/>
        Task ClearStateAsync<T>(
            string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
            ClearStateAsync(stateName, grainId, grainState);
    }

    /// <summary>
    /// The stored state is not the one that the writer had read. The activation that meets it is ended, so that the
    /// next call reads the state anew.
    /// </summary>
    public class InconsistentStateException : OrleansException
    {
        /// <summary>Without further words.</summary>
        public InconsistentStateException()
        {
        }

        /// <summary>With words.</summary>
        public InconsistentStateException(string message)
            : base(message)
        {
        }

        /// <summary>With words and a cause.</summary>
        public InconsistentStateException(string message, Exception? innerException)
            : base(message, innerException!)
        {
        }

        /// <summary>With words and both versions.</summary>
        public InconsistentStateException(string errorMsg, string? storedEtag, string? currentEtag)
            : this(errorMsg, storedEtag, currentEtag, null)
        {
        }

        /// <summary>With words, both versions and a cause.</summary>
        public InconsistentStateException(
            string errorMsg, string? storedEtag, string? currentEtag, Exception? storageException)
            : base(errorMsg, storageException!)
        {
            StoredEtag = storedEtag;
            CurrentEtag = currentEtag;
        }

        /// <summary>With both versions and a cause.</summary>
        public InconsistentStateException(string? storedEtag, string? currentEtag, Exception storageException)
            : this(storageException?.Message ?? "", storedEtag, currentEtag, storageException)
        {
        }

        /// <summary>The version in the storage.</summary>
        public string? StoredEtag { get; }

        /// <summary>The version that the writer had.</summary>
        public string? CurrentEtag { get; }

        // Only the activation whose storage said so is ended, not the callers that the exception passes through.
        internal bool IsSourceActivation { get; set; } = true;

        /// <inheritdoc/>
        public override string ToString() =>
            $"{GetType().Name}: {Message} Stored={StoredEtag} Current={CurrentEtag} {InnerException}";
    }
}
