using Orleans.Concurrency;
using Orleans.TestingHost;

namespace Orleans.Kafka.Runtime.Tests;

public interface IEchoGrain : IGrainWithStringKey
{
    Task<string> Echo(string text);

    ValueTask<int> Add(int a, int b);

    [OneWay]
    Task Tell(string text);

    [ReadOnly]
    Task<string> Key();
}

public sealed class EchoGrain : Grain, IEchoGrain
{
    public Task<string> Echo(string text) => Task.FromResult(text);

    public async ValueTask<int> Add(int a, int b)
    {
        await Task.Yield();
        return a + b;
    }

    public Task Tell(string text) => Task.CompletedTask;

    public Task<string> Key() => Task.FromResult(this.GetPrimaryKeyString());
}

public sealed class SmokeTests
{
    [Fact]
    public async Task Grain_CalledFromClient_Answers()
    {
        var builder = new InProcessTestClusterBuilder(2);
        await using var cluster = builder.Build();
        await cluster.DeployAsync();
        var grain = cluster.Client.GetGrain<IEchoGrain>("a");
        Assert.Equal("x", await grain.Echo("x"));
        Assert.Equal(5, await grain.Add(2, 3));
        Assert.Equal("a", await grain.Key());
        await grain.Tell("q");
    }
}
