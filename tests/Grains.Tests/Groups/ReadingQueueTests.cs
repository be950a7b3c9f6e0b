using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups;

public sealed class ReadingQueueTests
{
    [Fact]
    public async Task Add_OfMany_RunsAllAndNoMoreAtATimeThanItMay()
    {
        var queue = new ReadingQueue(width: 2);
        using var gate = new SemaphoreSlim(0);
        using var begun = new SemaphoreSlim(0);
        var done = new CountdownEvent(10);
        int running = 0;
        int most = 0;
        for (int i = 0; i < 10; i++)
        {
            queue.Add(() =>
            {
                int now = Interlocked.Increment(ref running);
                InterlockedMax(ref most, now);
                begun.Release();
                gate.Wait();
                Interlocked.Decrement(ref running);
                done.Signal();
            });
        }

        for (int i = 0; i < 10; i++)
        {
            Assert.True(await begun.WaitAsync(TimeSpan.FromSeconds(30)));
            if (i > 0)
            {
                gate.Release();
            }
        }

        gate.Release();
        Assert.True(done.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal(2, most);
    }

    private static void InterlockedMax(ref int place, int value)
    {
        int seen = Volatile.Read(ref place);
        while (value > seen && Interlocked.CompareExchange(ref place, value, seen) != seen)
        {
            seen = Volatile.Read(ref place);
        }
    }
}
