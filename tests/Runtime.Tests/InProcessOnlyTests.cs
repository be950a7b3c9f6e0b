#if INPROCESS_RUNTIME
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.InProcess;
using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

/// <summary>What the in-process runtime has beyond Orleans.</summary>
public sealed class InProcessOnlyTests
{
    [Fact]
    public async Task Hosts_WithoutACommonCluster_DoNotDisturbEachOther()
    {
        using var first = await StartAsync(silo => silo.UseLocalhostClustering());
        using var second = await StartAsync(silo => silo.UseLocalhostClustering());
        var key = Probe.NewKey("apart");

        var activations = new[]
        {
            await first.Services.GetRequiredService<IGrainFactory>().GetGrain<ILifeGrain>(key).Activation(),
            await second.Services.GetRequiredService<IGrainFactory>().GetGrain<ILifeGrain>(key).Activation(),
        };

        Assert.Equal([1, 2], activations);
        Assert.Single(second.Services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot.Members);
    }

    [Fact]
    public async Task Hosts_WithACommonCluster_ShareActivations()
    {
        var cluster = new InProcessCluster();
        using var first = await StartAsync(silo => silo.UseInProcessCluster(cluster));
        using var second = await StartAsync(silo => silo.UseInProcessCluster(cluster));
        var key = Probe.NewKey("together");

        await first.Services.GetRequiredService<IGrainFactory>().GetGrain<ILifeGrain>(key).Activation();
        await second.Services.GetRequiredService<IGrainFactory>().GetGrain<ILifeGrain>(key).Activation();

        Assert.Equal(1, Probe.Of(key).Activations);
        Assert.Equal(2, cluster.CurrentSnapshot.Members.Count);
    }

    [Fact]
    public async Task Turns_OfADispatcherOfOnesOwn_RunWhenItSaysSo()
    {
        var dispatcher = new ByHand();
        using var host = await StartAsync(silo => silo.UseInProcessCluster(new InProcessCluster(dispatcher: dispatcher)));
        var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<ITurnGrain>(Probe.NewKey("by-hand"));

        var call = grain.Add(2, 3).AsTask();
        Assert.False(call.IsCompleted);
        dispatcher.RunAll();

        Assert.True(call.IsCompletedSuccessfully);
        Assert.Equal(5, await call);
    }

    [Fact]
    public async Task Call_FromAHostThatHasNotStarted_Fails()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo => silo.UseLocalhostClustering());
        using var host = builder.Build();
        var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<ITurnGrain>("early");

        await Assert.ThrowsAsync<SiloUnavailableException>(grain.Work);
    }

    private static async Task<IHost> StartAsync(Action<ISiloBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(configure);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private sealed class ByHand : TurnDispatcher
    {
        private readonly Queue<IThreadPoolWorkItem> _due = new();

        public override void Schedule(IThreadPoolWorkItem turns, bool behindOthers) => _due.Enqueue(turns);

        public void RunAll()
        {
            while (_due.TryDequeue(out var turns))
            {
                turns.Execute();
            }
        }
    }
}
#endif
