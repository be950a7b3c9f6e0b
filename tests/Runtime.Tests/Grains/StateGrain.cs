using System.Collections.Concurrent;
using Orleans.Storage;

namespace Orleans.Kafka.Runtime.Tests.Grains;

[GenerateSerializer]
public sealed class CounterState
{
    [Id(0)]
    public int Value { get; set; }
}

public interface IStateGrain : IGrainWithStringKey
{
    Task<int> Get();

    Task<bool> Exists();

    Task<string?> ETag();

    Task Set(int value);

    Task SetTwice(int first, int second);

    Task<bool> TrySet(int value);

    Task Clear();

    Task<int> Activation();
}

public sealed class StateGrain(
    [PersistentState("counter", CountingStorage.Name)] IPersistentState<CounterState> counter) : Grain, IStateGrain
{
    private static int _lastActivation;

    private readonly int _activation = Interlocked.Increment(ref _lastActivation);

    public Task<int> Get() => Task.FromResult(counter.State.Value);

    public Task<bool> Exists() => Task.FromResult(counter.RecordExists);

    public Task<string?> ETag() => Task.FromResult<string?>(counter.Etag);

    public Task Set(int value)
    {
        counter.State.Value = value;
        return counter.WriteStateAsync();
    }

    public async Task SetTwice(int first, int second)
    {
        counter.State.Value = first;
        var one = counter.WriteStateAsync();
        await Task.Yield();
        counter.State.Value = second;
        var two = counter.WriteStateAsync();
        await Task.WhenAll(one, two);
    }

    public async Task<bool> TrySet(int value)
    {
        try
        {
            await Set(value);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }

    public Task Clear() => counter.ClearStateAsync();

    public Task<int> Activation() => Task.FromResult(_activation);
}

/// <summary>One storage for all silos of a test cluster, which a test can also change behind a grain's back.</summary>
public sealed class CountingStorage : IGrainStorage
{
    public const string Name = "counting";

    private readonly ConcurrentDictionary<string, (object State, int Version)> _records = new();

    public Exception? FailRead { get; set; }

    public Exception? FailWrite { get; set; }

    public IEnumerable<string> Keys => _records.Keys;

    public void ChangeBehindItsBack(string grainId, int value) => _records.AddOrUpdate(
        $"counter/{grainId}", _ => (value, 1), (_, old) => (value, old.Version + 1));

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        await Task.Yield();
        if (FailRead is { } failure)
        {
            throw failure;
        }

        var found = _records.TryGetValue($"{stateName}/{grainId}", out var record);
        grainState.State = (T)(object)new CounterState { Value = found ? (int)record.State : 0 };
        grainState.ETag = found ? Text(record.Version) : null;
        grainState.RecordExists = found;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var value = ((CounterState)(object)grainState.State!).Value;
        await Task.Yield();
        if (FailWrite is { } failure)
        {
            throw failure;
        }

        var key = $"{stateName}/{grainId}";
        var found = _records.TryGetValue(key, out var record);
        var stored = found ? Text(record.Version) : null;
        if (stored != grainState.ETag)
        {
            throw new InconsistentStateException("changed in between", stored, grainState.ETag);
        }

        _records[key] = (value, record.Version + 1);
        grainState.ETag = Text(record.Version + 1);
        grainState.RecordExists = true;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _records.TryRemove($"{stateName}/{grainId}", out _);
        grainState.State = (T)(object)new CounterState();
        grainState.ETag = null;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    private static string Text(int version) => version.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
