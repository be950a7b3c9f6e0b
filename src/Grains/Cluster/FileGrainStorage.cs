using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Orleans.Kafka.Storage;
using Orleans.Storage;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>
/// Grain storage for one process: one JSON file for each grain, replaced as a whole. A write is durable when it
/// returns, and is refused with <see cref="InconsistentStateException"/> when the ETag is not the stored one.
/// The owner of the directory holds its lock, so no other process writes here.
/// </summary>
internal sealed class FileGrainStorage(IFileSystem files, string directory) : IGrainStorage
{
    /// <summary>Far above any record of ours: ten thousand topics' names are a megabyte.</summary>
    private const int FileSizeMax = 256 * 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new()
    {
        TypeInfoResolver = JsonTypeInfoResolver.Combine(GrainStateJson.Default, new DefaultJsonTypeInfoResolver()),
        WriteIndented = false,
    };

    private readonly ConcurrentDictionary<string, long> _versions = new(StringComparer.Ordinal);
    private int _directoryMade;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string path = PathOf(stateName, grainId);
        if (files.ReadAll(path, FileSizeMax) is not { } bytes)
        {
            grainState.RecordExists = false;
            grainState.ETag = null!;
            grainState.State = Activator.CreateInstance<T>();
            return Task.CompletedTask;
        }

        Stored<T> stored = Parse<T>(path, bytes);
        _versions[path] = stored.Version;
        grainState.State = stored.State!;
        grainState.ETag = TagOf(stored.Version);
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string path = PathOf(stateName, grainId);
        long version = Check<T>(path, grainState.ETag) + 1;
        var stored = new Stored<T> { Version = version, State = grainState.State! };
        MakeDirectory();
        files.Replace(path, JsonSerializer.SerializeToUtf8Bytes(stored, TypeInfo<T>()));
        _versions[path] = version;
        grainState.ETag = TagOf(version);
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string path = PathOf(stateName, grainId);
        Check<T>(path, grainState.ETag);
        files.DeleteFile(path);
        files.FlushDirectory(directory);
        _versions.TryRemove(path, out _);
        grainState.ETag = null!;
        grainState.RecordExists = false;
        grainState.State = Activator.CreateInstance<T>();
        return Task.CompletedTask;
    }

    private static string TagOf(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static JsonTypeInfo<Stored<T>> TypeInfo<T>() => (JsonTypeInfo<Stored<T>>)Json.GetTypeInfo(typeof(Stored<T>));

    private static Stored<T> Parse<T>(string path, byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, TypeInfo<T>()) ?? throw new JsonException("the file holds null");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"the file {path} is damaged: {exception.Message}", exception);
        }
    }

    /// <summary>The stored version, 0 for none; throws unless it is the one that the caller has.</summary>
    private long Check<T>(string path, string? tag)
    {
        if (!_versions.TryGetValue(path, out long version) && files.ReadAll(path, FileSizeMax) is { } bytes)
        {
            version = Parse<T>(path, bytes).Version;
        }

        string? stored = version == 0 ? null : TagOf(version);
        return stored == tag
            ? version
            : throw new InconsistentStateException($"{path} was written by somebody else", stored ?? "", tag ?? "");
    }

    private string PathOf(string stateName, GrainId grainId) =>
        Path.Combine(directory, $"{stateName}.{Uri.EscapeDataString(grainId.Key.ToString()!)}.json");

    private void MakeDirectory()
    {
        if (Interlocked.Exchange(ref _directoryMade, 1) == 0)
        {
            files.CreateDirectory(directory);
            files.FlushDirectory(Path.GetDirectoryName(directory)!);
        }
    }
}

/// <summary>A grain's state as it lies in its file.</summary>
internal sealed class Stored<T>
{
    /// <summary>Counts the writes: the ETag.</summary>
    [JsonPropertyName("version")]
    public long Version { get; set; }

    /// <summary>The state.</summary>
    [JsonPropertyName("state")]
    public T State { get; set; } = default!;
}

[JsonSerializable(typeof(Stored<ClusterState>))]
[JsonSerializable(typeof(Stored<TopicState>))]
internal sealed partial class GrainStateJson : JsonSerializerContext;
