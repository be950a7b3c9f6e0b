using System.Collections.Concurrent;

namespace Orleans.Kafka.Runtime.Tests.Grains;

/// <summary>
/// What a test and the grains with one key share. Both live in one process on either runtime, so a test can hold a
/// grain at a point and see what it did.
/// </summary>
public sealed class Probe
{
    private static readonly ConcurrentDictionary<string, Probe> All = new();

    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<string> _events = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _reached = new();
    private int _inside;

    public int MostInside { get; private set; }

    public int Activations;

    public Exception? FailActivation { get; set; }

    public IReadOnlyList<string> Events => [.. _events];

    public Task Gate => _gate.Task;

    public static Probe Of(string key) => All.GetOrAdd(key, _ => new Probe());

    public static string NewKey(string name) => $"{name}-{Guid.NewGuid():N}";

    public void Open() => _gate.TrySetResult();

    public void Note(string what)
    {
        _events.Enqueue(what);
        Signal(what).TrySetResult();
    }

    /// <summary>Complete once the event has happened; fails the test if it takes too long.</summary>
    public Task Reached(string what) => Signal(what).Task.WaitAsync(TimeSpan.FromSeconds(20));

    public void Enter()
    {
        var inside = Interlocked.Increment(ref _inside);
        lock (_events)
        {
            MostInside = Math.Max(MostInside, inside);
        }
    }

    public void Leave() => Interlocked.Decrement(ref _inside);

    private TaskCompletionSource Signal(string what) => _reached.GetOrAdd(
        what, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
