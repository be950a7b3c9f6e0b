using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Kafka.Runtime.Tests.Grains;
using Orleans.TestingHost;

namespace Orleans.Kafka.Runtime.Tests;

/// <summary>What happens when a caller waits too long or too many wait.</summary>
public sealed class BoundTests : IAsyncLifetime
{
    private const int Bound = 5;

    private readonly InProcessTestCluster _cluster = TwoSilos.Build(1, new CountingStorage(), silo =>
        silo.Configure<SiloMessagingOptions>(options =>
        {
            options.ResponseTimeout = TimeSpan.FromSeconds(3);
            options.MaxEnqueuedRequestsHardLimit = Bound;
        }));

    private IGrainFactory Factory => _cluster.Silos[0].SiloHost.Services.GetRequiredService<IGrainFactory>();

    public Task InitializeAsync() => _cluster.DeployAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Caller_OfAGrainThatDoesNotAnswer_TimesOut()
    {
        var key = Probe.NewKey("slow");
        var grain = Factory.GetGrain<ITurnGrain>(key);
        var running = grain.WaitAtGate("a");
        await Probe.Of(key).Reached("began a");
        var waiting = grain.WaitAtGate("b");

        await Assert.ThrowsAsync<TimeoutException>(() => running);
        await Assert.ThrowsAsync<TimeoutException>(() => waiting);
        Probe.Of(key).Open();
    }

    [Fact]
    public async Task TimedOutCall_ThatHadNotStarted_NeverRuns()
    {
        var key = Probe.NewKey("slow");
        var grain = Factory.GetGrain<ITurnGrain>(key);
        var running = grain.WaitAtGate("a");
        await Probe.Of(key).Reached("began a");
        var waiting = grain.WaitAtGate("b");
        await Assert.ThrowsAsync<TimeoutException>(() => waiting);
        await Assert.ThrowsAsync<TimeoutException>(() => running);

        Probe.Of(key).Open();
        await Probe.Of(key).Reached("ended a");
        await grain.Work();

        Assert.DoesNotContain("began b", Probe.Of(key).Events);
    }

    [Fact]
    public async Task Callers_BeyondTheBoundOfAQueue_AreRefused()
    {
        var key = Probe.NewKey("queue");
        var grain = Factory.GetGrain<ITurnGrain>(key);
        var running = grain.WaitAtGate("a");
        await Probe.Of(key).Reached("began a");
        var waiting = Enumerable.Range(0, Bound * 4).Select(_ => grain.Work()).ToArray();

        await Assert.ThrowsAsync<LimitExceededException>(() => waiting[^1]);

        Probe.Of(key).Open();
        await running;
        await waiting[0];
    }
}
