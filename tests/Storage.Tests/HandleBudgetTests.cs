namespace Orleans.Kafka.Storage.Tests;

public sealed class HandleBudgetTests
{
    [Theory]
    [InlineData(1024)]
    [InlineData(4096)]
    [InlineData(20_000)]
    [InlineData(65_536)]
    [InlineData(1_048_576)]
    public void Of_AnUsualLimit_LeavesRoomForAllAtOnce(long limit)
    {
        var budget = HandleBudget.Of(limit);

        // Runtime and libraries, crowded files, and all connections.
        Assert.InRange(256 + HandleBudget.MostOf(budget.Files) + budget.Connections, 0, limit);
        Assert.InRange(budget.Files, 200, 16_384);
        Assert.True(budget.Connections >= budget.Files);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(300)]
    public void Of_ATinyLimit_IsStillOfUse(long limit)
    {
        var budget = HandleBudget.Of(limit);
        Assert.True(budget is { Files: >= 16, Connections: >= 16 }, $"{budget}");
    }

    [Fact]
    public void Of_NoLimit_BoundsTheFilesOnly() =>
        Assert.Equal(new HandleBudget(16_384, int.MaxValue), HandleBudget.Of(null));

    [Fact]
    public void Of_AGivenNumberOfFiles_TakesItAndGivesConnectionsTheRest()
    {
        Assert.Equal(100, HandleBudget.Of(1024, 100).Files);
        Assert.Equal(1024 - 256 - 112, HandleBudget.Of(1024, 100).Connections);
    }

    [Fact]
    public void OfProcess_OnLinux_FollowsTheLimitOfTheProcess()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var line = File.ReadLines("/proc/self/limits").Single(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        var soft = line["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        Assert.Equal(HandleBudget.Of(soft == "unlimited" ? null : long.Parse(soft)), HandleBudget.OfProcess);
    }
}
