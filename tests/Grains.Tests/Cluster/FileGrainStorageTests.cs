using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Storage;
using Orleans.Storage;

namespace Orleans.Kafka.Grains.Tests.Cluster;

public sealed class FileGrainStorageTests
{
    private static readonly GrainId Grain = GrainId.Create("cluster", "a/b:c");

    private readonly SimulatedFileSystem _files = new(seed: 1);
    private readonly FileGrainStorage _storage;

    public FileGrainStorageTests()
    {
        _files.CreateDirectory("/log");
        _files.FlushDirectory("/");
        _storage = Storage();
    }

    [Fact]
    public async Task Read_OfWhatWasNeverWritten_GivesAFreshState()
    {
        var state = new GrainState<ClusterState>();

        await _storage.ReadStateAsync("cluster", Grain, state);

        Assert.False(state.RecordExists);
        Assert.Null(state.ETag);
        Assert.Equal(0, state.State!.Version);
    }

    [Fact]
    public async Task Write_AndThenPowerLoss_IsThere()
    {
        await WriteAsync(_storage, version: 7);

        _files.Crash();
        GrainState<ClusterState> read = await ReadAsync(Storage());

        Assert.Equal(7, read.State!.Version);
        Assert.Equal("orders", Assert.Single(read.State.Topics).Key);
    }

    [Fact]
    public async Task Write_WithAnETagOfSomebodyElse_IsRefusedAndChangesNothing()
    {
        await WriteAsync(_storage, version: 1);
        GrainState<ClusterState> first = await ReadAsync(_storage);
        GrainState<ClusterState> second = await ReadAsync(_storage);
        first.State!.Version = 2;
        await _storage.WriteStateAsync("cluster", Grain, first);

        second.State!.Version = 3;
        await Assert.ThrowsAsync<InconsistentStateException>(() => _storage.WriteStateAsync("cluster", Grain, second));

        Assert.Equal(2, (await ReadAsync(Storage())).State!.Version);
    }

    [Fact]
    public async Task Write_OfAFirstRecordWhereThereIsOne_IsRefused()
    {
        await WriteAsync(_storage, version: 1);

        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(Storage(), version: 2));
    }

    [Fact]
    public async Task Clear_ThenWrite_StartsAnew()
    {
        await WriteAsync(_storage, version: 1);
        GrainState<ClusterState> state = await ReadAsync(_storage);

        await _storage.ClearStateAsync("cluster", Grain, state);

        Assert.False((await ReadAsync(_storage)).RecordExists);
        await WriteAsync(_storage, version: 5);
        Assert.Equal(5, (await ReadAsync(_storage)).State!.Version);
    }

    [Fact]
    public async Task Read_OfADamagedFile_NamesIt()
    {
        await WriteAsync(_storage, version: 1);
        string path = Path.Combine("/log/state", Assert.Single(_files.List("/log/state")).Name);
        _files.FlipBit(path, position: 0, bit: 2);

        var damaged = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(Storage()));

        Assert.Contains(path, damaged.Message);
    }

    private FileGrainStorage Storage() => new(_files, "/log/state");

    private static Task WriteAsync(IGrainStorage storage, long version)
    {
        var state = new GrainState<ClusterState>(new ClusterState { Version = version });
        state.State!.Topics.Add("orders", Guid.Empty);
        return storage.WriteStateAsync("cluster", Grain, state);
    }

    private static async Task<GrainState<ClusterState>> ReadAsync(IGrainStorage storage)
    {
        var state = new GrainState<ClusterState>();
        await storage.ReadStateAsync("cluster", Grain, state);
        return state;
    }
}
