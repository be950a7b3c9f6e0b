using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Tests.Cluster;

public sealed class TopicPlannerTests
{
    private static readonly int[] ThreeBrokers = [1, 2, 3];

    private readonly TopicPlanner _planner = new(BrokerSettings.Parse([]), new Random(7));

    [Fact]
    public void Plan_WithDefaults_GivesOnePartitionWithOneReplica()
    {
        (TopicImage? topic, TopicOutcome? refusal) = _planner.Plan(Wanted("orders", -1, -1), [], [1], version: 5);

        Assert.Null(refusal);
        PartitionImage partition = Assert.Single(topic!.Partitions);
        Assert.Equal([1], partition.Replicas);
        Assert.Equal([1], partition.InSyncReplicas);
        Assert.Equal(1, partition.Leader);
        Assert.Equal(5, topic.Version);
    }

    [Theory]
    [InlineData("", ErrorCode.InvalidTopicException)]
    [InlineData("..", ErrorCode.InvalidTopicException)]
    [InlineData("no space", ErrorCode.InvalidTopicException)]
    [InlineData("__cluster_metadata", ErrorCode.InvalidRequest)]
    [InlineData("taken", ErrorCode.TopicAlreadyExists)]
    [InlineData("dotted_name", ErrorCode.InvalidTopicException)]
    public void Plan_WithANameThatCannotBe_IsRefused(string name, ErrorCode expected)
    {
        (_, TopicOutcome? refusal) = _planner.Plan(Wanted(name, 1, 1), ["taken", "dotted.name"], [1], version: 1);

        Assert.Equal(expected, (ErrorCode)refusal!.Error);
        Assert.NotNull(refusal.Message);
    }

    [Fact]
    public void Plan_WithTheLongestName_IsAcceptedAndWithOneMoreRefused()
    {
        Assert.Null(_planner.Plan(Wanted(new string('a', 249), 1, 1), [], [1], 1).Refusal);
        Assert.NotNull(_planner.Plan(Wanted(new string('a', 250), 1, 1), [], [1], 1).Refusal);
    }

    [Theory]
    [InlineData(0, 1, ErrorCode.InvalidPartitions)]
    [InlineData(-2, 1, ErrorCode.InvalidPartitions)]
    [InlineData(1, 0, ErrorCode.InvalidReplicationFactor)]
    [InlineData(1, 4, ErrorCode.InvalidReplicationFactor)]
    [InlineData(1, 2, ErrorCode.InvalidReplicationFactor)]
    [InlineData(10_000, 1, ErrorCode.PolicyViolation)]
    [InlineData(9_999, 1, ErrorCode.None)]
    public void Plan_WithCountsAtTheLimits_AnswersAsKafka(int partitions, short replicas, ErrorCode expected)
    {
        (_, TopicOutcome? refusal) = _planner.Plan(Wanted("t", partitions, replicas), [], ThreeBrokers, version: 1);

        Assert.Equal(expected, (ErrorCode)(refusal?.Error ?? 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Assign_OnThreeBrokers_SpreadsLeadersAndReplicasEvenly(int replicationFactor)
    {
        int[][] partitions = ReplicaAssigner.Assign(ThreeBrokers, 0, 30, replicationFactor, start: 2);

        Assert.All(ThreeBrokers, broker =>
        {
            Assert.Equal(10, partitions.Count(replicas => replicas[0] == broker));
            Assert.Equal(10 * replicationFactor, partitions.Count(replicas => replicas.Contains(broker)));
        });
        Assert.All(partitions, replicas => Assert.Distinct(replicas));
    }

    [Fact]
    public void Plan_WithAssignments_TakesThemAndChecksThem()
    {
        TopicToCreate wanted = Wanted("t", -1, -1) with
        {
            Assignments = new() { [0] = [2], [1] = [3] },
        };
        Assert.Equal([3], _planner.Plan(wanted, [], ThreeBrokers, 1).Topic!.Partitions[1].Replicas);

        Assert.Equal(ErrorCode.InvalidReplicationFactor, Refusal(new() { [0] = [1, 2] }));
        Assert.Equal(ErrorCode.InvalidReplicaAssignment, Refusal(new() { [0] = [9] }));
        Assert.Equal(ErrorCode.InvalidReplicaAssignment, Refusal(new() { [0] = [1, 1] }));
        Assert.Equal(ErrorCode.InvalidReplicaAssignment, Refusal(new() { [1] = [1] }));
        Assert.Equal(ErrorCode.InvalidReplicaAssignment, Refusal(new() { [0] = [1], [1] = [1, 2] }));

        ErrorCode Refusal(Dictionary<int, int[]> assignments) =>
            (ErrorCode)_planner.Plan(wanted with { Assignments = assignments }, [], ThreeBrokers, 1).Refusal!.Error;
    }

    [Fact]
    public void PlanGrowth_ToMorePartitions_NumbersThemOnward()
    {
        TopicImage topic = _planner.Plan(Wanted("t", 2, 1), [], ThreeBrokers, 1).Topic!;

        PartitionImage[] added = _planner.PlanGrowth(topic, To(5), ThreeBrokers).Partitions!;

        Assert.Equal([2, 3, 4], added.Select(partition => partition.Partition));
        Assert.Equal(ErrorCode.InvalidPartitions, (ErrorCode)_planner.PlanGrowth(topic, To(2), ThreeBrokers).Refusal!.Error);
        Assert.Equal(ErrorCode.InvalidPartitions, (ErrorCode)_planner.PlanGrowth(topic, To(1), ThreeBrokers).Refusal!.Error);

        static PartitionsToAdd To(int total) => new() { Topic = "t", TotalCount = total };
    }

    private static TopicToCreate Wanted(string name, int partitions, short replicationFactor) => new()
    {
        Name = name,
        Partitions = partitions,
        ReplicationFactor = replicationFactor,
        Configs = [],
    };
}
