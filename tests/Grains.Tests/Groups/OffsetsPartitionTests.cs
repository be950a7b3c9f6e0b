using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Groups;

public sealed class OffsetsPartitionTests
{
    [Fact]
    public async Task IsCurrent_AfterAnotherLeaderInBetween_IsFalse()
    {
        var environment = new LogEnvironment(new SimulatedFileSystem(seed: 3), new ManualClock(), new Random(3));
        PartitionLog log = PartitionLog.Open(environment, "/log/t-0", "t", 0, LogConfig.Default, default);
        var replica = new Replica("t", Guid.NewGuid(), 0, log, new ReplicaRole(true, 4, 0, true));
        var partition = new OffsetsPartition(replica, openedAtMs: 0);
        partition.Load(new ReadingQueue(width: 1));
        Assert.True(partition.IsCurrent);

        await replica.ChangeRoleAsync(new ReplicaRole(true, 4, 1, true), _ => { });
        Assert.True(partition.IsCurrent);
        await replica.ChangeRoleAsync(new ReplicaRole(false, 5, 2, false), _ => { });
        Assert.False(partition.IsCurrent);
        await replica.ChangeRoleAsync(new ReplicaRole(true, 6, 3, true), _ => { });
        Assert.False(partition.IsCurrent);
    }
}
