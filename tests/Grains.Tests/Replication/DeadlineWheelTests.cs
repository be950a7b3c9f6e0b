using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Grains.Tests.Replication;

public sealed class DeadlineWheelTests
{
    private readonly ManualClock _clock = new();
    private readonly List<string> _met = [];

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(500)]
    [InlineData(2_559)]
    [InlineData(2_560)]
    [InlineData(60_000)]
    public void Deadline_WhenItsTimeComes_IsMetOnceAndNeverEarly(int milliseconds)
    {
        using var wheel = new DeadlineWheel(_clock);
        _clock.Advance(TimeSpan.FromMilliseconds(3));
        wheel.Arm(new Named("a", _met), TimeSpan.FromMilliseconds(milliseconds));

        _clock.Advance(TimeSpan.FromMilliseconds(milliseconds - 0.001));
        Assert.Empty(_met);

        _clock.Advance(TimeSpan.FromMilliseconds(15));
        Assert.Equal(["a"], _met);

        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Single(_met);
    }

    [Fact]
    public void Disarm_BeforeTheTime_PreventsTheCall()
    {
        using var wheel = new DeadlineWheel(_clock);
        var first = new Named("first", _met);
        var second = new Named("second", _met);
        var third = new Named("third", _met);
        foreach (Named each in new[] { first, second, third })
        {
            wheel.Arm(each, TimeSpan.FromMilliseconds(100));
        }

        Assert.True(wheel.Disarm(second));
        Assert.False(wheel.Disarm(second));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["first", "third"], _met.Order());
        Assert.False(wheel.Disarm(first));
    }

    [Fact]
    public void Wheel_WithNothingArmed_RunsNoTimer()
    {
        using var wheel = new DeadlineWheel(_clock);
        Assert.Equal(0, _clock.ActiveTimers);

        wheel.Arm(new Named("a", _met), TimeSpan.FromMilliseconds(10));
        Assert.Equal(1, _clock.ActiveTimers);

        _clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(0, _clock.ActiveTimers);
        Assert.Equal(0, wheel.Count);
    }

    [Fact]
    public void Wheel_WithOneWaitUnderWay_LeavesItsTimerAloneMeanwhile()
    {
        using var wheel = new DeadlineWheel(_clock);
        wheel.Arm(new Named("a", _met), TimeSpan.FromMilliseconds(2_000));

        _clock.Advance(TimeSpan.FromMilliseconds(1_999));
        Assert.Equal(0, _clock.Fired);

        wheel.Arm(new Named("earlier", _met), TimeSpan.FromMilliseconds(1));
        _clock.Advance(TimeSpan.FromMilliseconds(30));
        Assert.Equal(["a", "earlier"], _met.Order());
        Assert.InRange(_clock.Fired, 1, 3);
    }

    [Fact]
    public void Deadlines_ArmedAtRandom_AreMetWithinTwoTicks()
    {
        using var wheel = new DeadlineWheel(_clock);
        var random = new Random(42);
        var late = new List<double>();
        for (int i = 0; i < 2_000; i++)
        {
            double milliseconds = random.NextDouble() * 6_000;
            TimeSpan due = TimeSpan.FromTicks(_clock.GetTimestamp()) + TimeSpan.FromMilliseconds(milliseconds);
            wheel.Arm(
                new Acting(() => late.Add((TimeSpan.FromTicks(_clock.GetTimestamp()) - due).TotalMilliseconds)),
                TimeSpan.FromMilliseconds(milliseconds));
            _clock.Advance(TimeSpan.FromMilliseconds(random.NextDouble() * 10));
        }

        _clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(2_000, late.Count);
        Assert.All(late, each => Assert.InRange(each, 0, 10));
    }

    private sealed class Named(string name, List<string> met) : Deadline
    {
        protected internal override void OnDeadline() => met.Add(name);
    }

    private sealed class Acting(Action action) : Deadline
    {
        protected internal override void OnDeadline() => action();
    }
}
