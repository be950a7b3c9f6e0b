using Orleans.Kafka.Runtime.Tests.Grains;
using Orleans.Storage;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class StateTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task State_NeverWritten_IsNewAndDoesNotExist()
    {
        var (grain, _) = New("new");

        Assert.Equal(0, await grain.Get());
        Assert.False(await grain.Exists());
        Assert.Null(await grain.ETag());
    }

    [Fact]
    public async Task State_Written_IsReadByTheNextActivation()
    {
        var (grain, _) = New("written");
        await grain.Set(7);
        var first = await grain.Activation();
        await EndAsync(grain);

        Assert.Equal(7, await grain.Get());
        Assert.True(await grain.Exists());
        Assert.NotEqual(first, await grain.Activation());
    }

    [Fact]
    public async Task State_WrittenTwiceAtOnce_HasNoConflict()
    {
        var (grain, id) = New("twice");

        await grain.SetTwice(1, 2);

        Assert.Equal(2, await grain.Get());
        Assert.Equal("2", await grain.ETag());
        Assert.Contains("counter/" + id, silos.Storage.Keys);
    }

    [Fact]
    public async Task State_ChangedBehindItsBack_CallerGetsInconsistentStateAndNextActivationReadsAnew()
    {
        var (grain, id) = New("conflict");
        await grain.Set(1);
        var first = await grain.Activation();
        silos.Storage.ChangeBehindItsBack(id, 50);

        await Assert.ThrowsAsync<InconsistentStateException>(() => grain.Set(2));

        Assert.Equal(50, await grain.Get());
        Assert.NotEqual(first, await grain.Activation());
    }

    [Fact]
    public async Task State_ConflictIsCaught_ActivationLives()
    {
        var (grain, id) = New("caught");
        await grain.Set(1);
        var first = await grain.Activation();
        silos.Storage.ChangeBehindItsBack(id, 50);

        Assert.False(await grain.TrySet(2));

        Assert.Equal(first, await grain.Activation());
    }

    [Fact]
    public async Task State_Cleared_IsNewAgain()
    {
        var (grain, id) = New("cleared");
        await grain.Set(3);

        await grain.Clear();

        Assert.Equal(0, await grain.Get());
        Assert.False(await grain.Exists());
        Assert.DoesNotContain("counter/" + id, silos.Storage.Keys);
    }

    private async Task EndAsync(IStateGrain grain)
    {
        silos.Storage.ChangeBehindItsBack(grain.GetGrainId().ToString(), await grain.Get());
        await Assert.ThrowsAsync<InconsistentStateException>(() => grain.Set(-1));
    }

    private (IStateGrain Grain, string Id) New(string name)
    {
        var grain = silos.Client.GetGrain<IStateGrain>(Probe.NewKey(name));
        return (grain, grain.GetGrainId().ToString());
    }
}

public sealed class StorageFailureTests : IAsyncLifetime
{
    private readonly TwoSilos _silos = new();

    public Task InitializeAsync() => _silos.InitializeAsync();

    public Task DisposeAsync() => _silos.DisposeAsync();

    [Fact]
    public async Task Storage_FailsToWrite_CallerGetsOrleansExceptionAndActivationLives()
    {
        var grain = _silos.Client.GetGrain<IStateGrain>(Probe.NewKey("write"));
        var first = await grain.Activation();
        _silos.Storage.FailWrite = new IOException("disk full");

        var failure = await Assert.ThrowsAsync<OrleansException>(() => grain.Set(1));

        Assert.Contains("disk full", failure.ToString(), StringComparison.Ordinal);
        _silos.Storage.FailWrite = null;
        await grain.Set(2);
        Assert.Equal(first, await grain.Activation());
    }

    [Fact]
    public async Task Storage_FailsToRead_ActivationFailsAndTheNextCallTriesAgain()
    {
        var grain = _silos.Client.GetGrain<IStateGrain>(Probe.NewKey("read"));
        _silos.Storage.FailRead = new IOException("disk gone");

        var failure = await Assert.ThrowsAnyAsync<OrleansException>(grain.Get);

        Assert.Contains("disk gone", failure.ToString(), StringComparison.Ordinal);
        _silos.Storage.FailRead = null;
        Assert.Equal(0, await grain.Get());
    }
}
