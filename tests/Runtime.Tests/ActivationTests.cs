using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class ActivationTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task Grain_CalledFromEverywhereAtOnce_HasOneActivation()
    {
        var key = Probe.NewKey("one");
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i =>
            silos.Cluster.Silos[i % 2].SiloHost.Services.GetService(typeof(IGrainFactory)) is IGrainFactory factory
                ? factory.GetGrain<ILifeGrain>(key).Activation()
                : throw new InvalidOperationException()));

        Assert.All(answers, activation => Assert.Equal(1, activation));
        Assert.Equal(1, Probe.Of(key).Activations);
    }

    [Fact]
    public async Task Grain_Identity_IsTypeByConventionAndKey()
    {
        var key = Probe.NewKey("identity");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);

        Assert.Equal("life/" + key, await grain.Identity());
        Assert.Equal(key, grain.GetPrimaryKeyString());
        Assert.Equal("life/" + key, grain.GetGrainId().ToString());
    }

    [Fact]
    public void Reference_ToSameGrain_IsEqual()
    {
        Assert.Equal(silos.Client.GetGrain<ILifeGrain>("same"), silos.Client.GetGrain<ILifeGrain>("same"));
        Assert.NotEqual(silos.Client.GetGrain<ILifeGrain>("same"), silos.Client.GetGrain<ILifeGrain>("other"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void GetGrain_WithoutKey_Throws(string key) =>
        Assert.ThrowsAny<ArgumentException>(() => silos.Client.GetGrain<ILifeGrain>(key));

    [Fact]
    public async Task OnActivateAsync_Throws_CallerGetsThatExceptionAndTheNextCallTriesAgain()
    {
        var key = Probe.NewKey("failing");
        Probe.Of(key).FailActivation = new InvalidOperationException("not today");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(grain.Activation);
        Assert.Equal("not today", failure.Message);

        Probe.Of(key).FailActivation = null;
        Assert.Equal(1, await grain.Activation());
    }

    [Fact]
    public async Task OnActivateAsync_Throws_OnDeactivateAsyncIsNotCalled()
    {
        var key = Probe.NewKey("failing");
        Probe.Of(key).FailActivation = new InvalidOperationException("not today");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);
        await Assert.ThrowsAsync<InvalidOperationException>(grain.Activation);
        Probe.Of(key).FailActivation = null;
        await grain.Activation();

        Assert.DoesNotContain(Probe.Of(key).Events, e => e.StartsWith("deactivated", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DeactivateOnIdle_NextCall_MeetsANewActivation()
    {
        var key = Probe.NewKey("end");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);
        Assert.Equal(1, await grain.Activation());

        await grain.End();

        Assert.Equal(2, await grain.Activation());
        Assert.Equal(["activated", "deactivated ApplicationRequested", "activated"], Probe.Of(key).Events);
    }

    [Fact]
    public async Task DeactivateOnIdle_WhileACallRuns_LetsItEndAndKeepsOthersForTheNextActivation()
    {
        var key = Probe.NewKey("end");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);
        var running = grain.EndThenWait();
        await Probe.Of(key).Reached("ending");
        var next = grain.Activation();

        Probe.Of(key).Open();
        await running;

        Assert.Equal(2, await next);
        Assert.Equal(
            ["activated", "ending", "worked to the end", "deactivated ApplicationRequested", "activated"],
            Probe.Of(key).Events);
    }
}
