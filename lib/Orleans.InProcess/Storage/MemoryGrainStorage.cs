using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.InProcess;

/// <summary>Keeps states in memory as JSON, so that what a grain changes later is not stored by accident.</summary>
internal sealed class MemoryGrainStorage : IGrainStorage
{
    private static readonly JsonSerializerOptions Format = new() { IncludeFields = true };

    private readonly ConcurrentDictionary<(string Name, GrainId Grain), Entry> _entries = new();
    private long _lastVersion;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ArgumentNullException.ThrowIfNull(grainState);
        var found = _entries.TryGetValue((stateName, grainId), out var entry);
        grainState.State = found ? JsonSerializer.Deserialize<T>(entry!.Json, Format) : Activator.CreateInstance<T>();
        grainState.ETag = found ? entry!.ETag : null;
        grainState.RecordExists = found;
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ArgumentNullException.ThrowIfNull(grainState);
        var key = (stateName, grainId);
        var stored = _entries.GetValueOrDefault(key);
        Check(stored, grainState.ETag);
        var version = Interlocked.Increment(ref _lastVersion);
        var next = new Entry(
            JsonSerializer.SerializeToUtf8Bytes(grainState.State, Format),
            version.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (!(stored is null ? _entries.TryAdd(key, next) : _entries.TryUpdate(key, next, stored)))
        {
            Check(_entries.GetValueOrDefault(key), grainState.ETag);
        }

        grainState.ETag = next.ETag;
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        ArgumentNullException.ThrowIfNull(grainState);
        var stored = _entries.GetValueOrDefault((stateName, grainId));
        Check(stored, grainState.ETag);
        _entries.TryRemove((stateName, grainId), out _);
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = Activator.CreateInstance<T>();
        return Task.CompletedTask;
    }

    private static void Check(Entry? stored, string? seen)
    {
        if (!string.Equals(stored?.ETag, seen, StringComparison.Ordinal))
        {
            throw new InconsistentStateException("The stored state was changed in between.", stored?.ETag, seen);
        }
    }

    private sealed record Entry(byte[] Json, string ETag);
}
