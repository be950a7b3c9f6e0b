using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>
/// Decides whether a topic can be made or grown, and how its partitions are placed. Holds no state of its own:
/// the cluster's grain asks it before it stores anything.
/// </summary>
/// <param name="settings">The broker's settings: defaults for partitions and replicas.</param>
/// <param name="random">Draws ids and the first leader.</param>
public sealed class TopicPlanner(BrokerSettings settings, Random random)
{
    /// <summary>
    /// Replicas that a partition may have. Followers do not copy from their leader, so a second replica would promise
    /// a safety that is not there: it is refused instead.
    /// </summary>
    public const int ReplicationFactorMax = 1;

    /// <summary>Kafka refuses to make so many partitions with one request.</summary>
    private const int PartitionsPerRequestMax = 10_000;

    /// <summary>The new topic, or why there can be none.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="existing">The names in use.</param>
    /// <param name="liveBrokers">The brokers that can hold replicas.</param>
    /// <param name="version">The version that the topic gets.</param>
    public (TopicImage? Topic, TopicOutcome? Refusal) Plan(
        TopicToCreate wanted, IReadOnlyCollection<string> existing, int[] liveBrokers, long version)
    {
        if (CheckName(wanted.Name, existing) is { } refusal)
        {
            return (null, refusal);
        }

        ConfigProblem problem = ConfigRules.CheckNewTopic(wanted.Configs, out Dictionary<string, string> configs);
        if (!problem.IsNone)
        {
            return (null, TopicOutcome.Of(problem.Code, problem.Message ?? ""));
        }

        (int[][]? assignment, TopicOutcome? unplaceable) = wanted.Assignments is { Count: > 0 }
            ? FromAssignments(wanted, liveBrokers)
            : FromCounts(wanted, liveBrokers);
        if (assignment is null)
        {
            return (null, unplaceable);
        }

        if (assignment.Any(replicas => replicas.Length > ReplicationFactorMax))
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidReplicationFactor,
                $"Replication factor larger than {ReplicationFactorMax} is not supported by this broker."));
        }

        return (new TopicImage
        {
            Name = wanted.Name,
            Id = KafkaUuid.Create(random).ToGuid(),
            Version = version,
            Partitions = Partitions(assignment, firstPartition: 0),
            Configs = configs,
        }, null);
    }

    /// <summary>The partitions to add, or why they cannot be added.</summary>
    public (PartitionImage[]? Partitions, TopicOutcome? Refusal) PlanGrowth(
        TopicImage topic, PartitionsToAdd wanted, int[] liveBrokers)
    {
        int count = topic.Partitions.Length;
        int added = wanted.TotalCount - count;
        if (added <= 0)
        {
            string message = added == 0
                ? $"Topic already has {count} partition(s)."
                : $"The topic {topic.Name} currently has {count} partition(s); {wanted.TotalCount} would not be an increase.";
            return (null, TopicOutcome.Of(ErrorCode.InvalidPartitions, message));
        }

        if (added >= PartitionsPerRequestMax)
        {
            return (null, TooLarge());
        }

        int replicationFactor = topic.Partitions[0].Replicas.Length;
        int[][] assignment;
        if (wanted.Assignments is { } given)
        {
            if (CheckGrowthAssignments(given, added, replicationFactor, liveBrokers) is { } refusal)
            {
                return (null, refusal);
            }

            assignment = given;
        }
        else if (liveBrokers.Length < replicationFactor)
        {
            return (null, TopicOutcome.Of(ErrorCode.InvalidReplicationFactor, TooFewBrokers(replicationFactor, liveBrokers)));
        }
        else
        {
            assignment = ReplicaAssigner.Assign(
                liveBrokers, count, added, replicationFactor, random.Next(liveBrokers.Length));
        }

        return (Partitions(assignment, count), null);
    }

    private static TopicOutcome? CheckName(string name, IReadOnlyCollection<string> existing)
    {
        if (TopicName.Fault(name) is { } fault)
        {
            return TopicOutcome.Of(ErrorCode.InvalidTopicException, fault);
        }

        if (name == TopicName.ClusterMetadata)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidRequest, $"Creation of internal topic {TopicName.ClusterMetadata} is prohibited.");
        }

        if (existing.Contains(name))
        {
            return TopicOutcome.Of(ErrorCode.TopicAlreadyExists, $"Topic '{name}' already exists.");
        }

        string form = TopicName.CollisionForm(name);
        if (name.AsSpan().ContainsAny('.', '_') &&
            existing.FirstOrDefault(other => TopicName.CollisionForm(other) == form) is { } colliding)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidTopicException, $"Topic '{name}' collides with existing topic: {colliding}");
        }

        return null;
    }

    private (int[][]? Assignment, TopicOutcome? Refusal) FromCounts(TopicToCreate wanted, int[] liveBrokers)
    {
        int partitions = wanted.Partitions == -1 ? settings.DefaultPartitions : wanted.Partitions;
        int replicationFactor = wanted.ReplicationFactor == -1
            ? Math.Min(settings.DefaultReplicationFactor, ReplicationFactorMax)
            : wanted.ReplicationFactor;
        if (replicationFactor <= 0)
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value."));
        }

        if (partitions <= 0)
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value."));
        }

        if (partitions >= PartitionsPerRequestMax)
        {
            return (null, TooLarge());
        }

        if (replicationFactor > liveBrokers.Length)
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidReplicationFactor, TooFewBrokers(replicationFactor, liveBrokers)));
        }

        int start = random.Next(liveBrokers.Length);
        return (ReplicaAssigner.Assign(liveBrokers, 0, partitions, replicationFactor, start), null);
    }

    private static (int[][]? Assignment, TopicOutcome? Refusal) FromAssignments(TopicToCreate wanted, int[] liveBrokers)
    {
        Dictionary<int, int[]> given = wanted.Assignments!;
        if (wanted.ReplicationFactor != -1)
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidRequest,
                "A manual partition assignment was specified, but replication factor was not set to -1."));
        }

        if (wanted.Partitions != -1)
        {
            return (null, TopicOutcome.Of(
                ErrorCode.InvalidRequest,
                "A manual partition assignment was specified, but numPartitions was not set to -1."));
        }

        int[][] assignment = new int[given.Count][];
        for (int partition = 0; partition < given.Count; partition++)
        {
            if (!given.TryGetValue(partition, out int[]? replicas))
            {
                return (null, TopicOutcome.Of(
                    ErrorCode.InvalidReplicaAssignment,
                    "partitions should be a consecutive 0-based integer sequence"));
            }

            if (CheckReplicas(replicas, partition == 0 ? replicas.Length : assignment[0].Length, liveBrokers) is { } refusal)
            {
                return (null, refusal);
            }

            assignment[partition] = replicas;
        }

        return (assignment, null);
    }

    private static TopicOutcome? CheckGrowthAssignments(
        int[][] given, int added, int replicationFactor, int[] liveBrokers)
    {
        if (given.Length != added)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidReplicaAssignment,
                $"Attempted to add {added} additional partition(s), but only {given.Length} assignment(s) were specified.");
        }

        foreach (int[] replicas in given)
        {
            if (CheckReplicas(replicas, replicationFactor, liveBrokers) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    private static TopicOutcome? CheckReplicas(int[] replicas, int replicationFactor, int[] liveBrokers)
    {
        if (replicas.Length == 0)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.");
        }

        if (replicas.Distinct().Count() != replicas.Length)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidReplicaAssignment,
                "The manual partition assignment includes the broker more than once.");
        }

        int unknown = Array.FindIndex(replicas, broker => Array.BinarySearch(liveBrokers, broker) < 0);
        if (unknown >= 0)
        {
            return TopicOutcome.Of(
                ErrorCode.InvalidReplicaAssignment,
                $"The manual partition assignment includes broker {replicas[unknown]}, "
                + "but no such broker is registered.");
        }

        return replicas.Length == replicationFactor
            ? null
            : TopicOutcome.Of(
                ErrorCode.InvalidReplicaAssignment,
                $"The manual partition assignment includes a partition with {replicas.Length} replica(s), but this is "
                + $"not consistent with previous partitions, which have {replicationFactor} replica(s).");
    }

    private static PartitionImage[] Partitions(int[][] assignment, int firstPartition) =>
        [.. assignment.Select((replicas, i) => new PartitionImage
        {
            Partition = firstPartition + i,
            Replicas = replicas,
            InSyncReplicas = replicas,
            Leader = replicas[0],
            LeaderEpoch = 0,
            PartitionEpoch = 0,
        })];

    private static TopicOutcome TooLarge() =>
        TopicOutcome.Of(ErrorCode.PolicyViolation, "Unable to perform excessively large batch operation.");

    private static string TooFewBrokers(int replicationFactor, int[] liveBrokers) =>
        $"Unable to replicate the partition {replicationFactor} time(s): The target replication factor of "
        + $"{replicationFactor} cannot be reached because only {liveBrokers.Length} broker(s) are registered.";
}
