using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.InProcess;

/// <summary>A state that its activation reads before it runs.</summary>
internal interface ILoadedState
{
    Task LoadAsync(CancellationToken cancellationToken);
}

/// <summary>
/// A grain's stored state. Operations run one after the other, so a write that follows a write carries the version
/// that the first one got.
/// </summary>
internal sealed class PersistentState<TState> : IPersistentState<TState>, ILoadedState
{
    private readonly Activation _activation;
    private readonly string _name;
    private readonly IGrainStorage _storage;
    private readonly GrainState<TState> _state = new(Activator.CreateInstance<TState>());
    private Task _last = Task.CompletedTask;
    private bool _loaded;

    public PersistentState(Activation activation, string name, string? storageName)
    {
        _activation = activation;
        _name = name;
        var storage = string.IsNullOrWhiteSpace(storageName)
            ? activation.Silo.Services.GetService<IGrainStorage>()
            : activation.Silo.Services.GetKeyedService<IGrainStorage>(storageName);
        _storage = storage ?? throw new OrleansException(storageName is null
            ? $"There is no default grain storage for {activation.GrainId}."
            : $"There is no grain storage named \"{storageName}\" for {activation.GrainId}.");
    }

    public TState State
    {
        get => _state.State!;
        set => _state.State = value;
    }

    public string? Etag => _state.ETag;

    public bool RecordExists =>
        _loaded ? _state.RecordExists : throw new InvalidOperationException("The state has not been read yet.");

    public Task LoadAsync(CancellationToken cancellationToken) => ReadStateAsync(cancellationToken);

    public Task ReadStateAsync() => ReadStateAsync(CancellationToken.None);

    public Task WriteStateAsync() => WriteStateAsync(CancellationToken.None);

    public Task ClearStateAsync() => ClearStateAsync(CancellationToken.None);

    public Task ReadStateAsync(CancellationToken cancellationToken) => Enqueue("read", async () =>
    {
        await _storage.ReadStateAsync(_name, _activation.GrainId, _state, cancellationToken);
        _loaded = true;
    });

    public Task WriteStateAsync(CancellationToken cancellationToken) => Enqueue(
        "write", () => _storage.WriteStateAsync(_name, _activation.GrainId, _state, cancellationToken));

    public Task ClearStateAsync(CancellationToken cancellationToken) => Enqueue(
        "clear", () => _storage.ClearStateAsync(_name, _activation.GrainId, _state, cancellationToken));

    private Task Enqueue(string operation, Func<Task> run) => _last = RunAfter(_last, operation, run);

    private async Task RunAfter(Task previous, string operation, Func<Task> run)
    {
        if (!previous.IsCompleted)
        {
            await previous.ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        try
        {
            await run();
        }
        catch (Exception exception) when (exception is not (OrleansException or OperationCanceledException))
        {
            throw new OrleansException(
                $"Could not {operation} state {_name} of {_activation.GrainId}: {exception.Message}", exception);
        }
    }
}
