namespace Orleans.Core
{
    /// <summary>A stored state, whatever its type.</summary>
    public interface IStorage
    {
        /// <summary>The version that the storage gave when the state was last read or written; null for none.</summary>
        string? Etag { get; }

        /// <summary>Whether the storage has the state.</summary>
        bool RecordExists { get; }

        /// <summary>Deletes the state.</summary>
        /// <exception cref="Storage.InconsistentStateException">Somebody else changed it in between.</exception>
        Task ClearStateAsync();

        /// <summary>Writes the state. It is as durable as the storage makes it when the task is complete.</summary>
        /// <exception cref="Storage.InconsistentStateException">Somebody else changed it in between.</exception>
        Task WriteStateAsync();

        /// <summary>Reads the state anew.</summary>
        Task ReadStateAsync();

        /// <inheritdoc cref="ClearStateAsync()"/>
        Task ClearStateAsync(CancellationToken cancellationToken) => ClearStateAsync();

        /// <inheritdoc cref="WriteStateAsync()"/>
        Task WriteStateAsync(CancellationToken cancellationToken) => WriteStateAsync();

        /// <inheritdoc cref="ReadStateAsync()"/>
        Task ReadStateAsync(CancellationToken cancellationToken) => ReadStateAsync();
    }

    /// <summary>A stored state.</summary>
    public interface IStorage<TState> : IStorage
    {
        /// <summary>The state in memory.</summary>
        TState State { get; set; }
    }
}

namespace Orleans.Runtime
{
    /// <summary>A state that is read when its grain activates and written when the grain says so.</summary>
    public interface IPersistentState<TState> : Core.IStorage<TState>;

    /// <summary>Which state of which storage a constructor parameter is.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public class PersistentStateAttribute : Attribute
    {
        /// <summary>Names the state and, unless it is the default one, the storage.</summary>
        public PersistentStateAttribute(string stateName, string? storageName = null)
        {
            StateName = stateName;
            StorageName = storageName;
        }

        /// <summary>The state's name within its grain.</summary>
        public string StateName { get; }

        /// <summary>The storage's name; null for the default one.</summary>
        public string? StorageName { get; }
    }
}
