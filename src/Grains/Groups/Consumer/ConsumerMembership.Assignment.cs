using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups.Assignors;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>From the cluster's topics to the target assignment.</content>
internal sealed partial class ConsumerMembership
{
    private const sbyte GroupResourceType = (sbyte)ConfigResourceType.Group;

    private MetadataImage? _seen;
    private long _metadataHash;
    private long _assignedAt = long.MinValue / 2;
    private long _assignDue = Group.Never;

    /// <summary>The pattern is in use, and so is known to be well formed.</summary>
    public bool HasPattern(string? pattern) => pattern is not null && _patternSubscribers.ContainsKey(pattern);

    /// <summary>The topics that members subscribe to, by name or by pattern, whether they exist or not.</summary>
    public HashSet<string> SubscribedTopics =>
        [.. _topicSubscribers.Keys, .. _patternSubscribers.Keys.SelectMany(_patterns.TopicsOf)];

    /// <summary>
    /// Notices what became of the topics that members subscribe to, and opens a new group epoch when they or the
    /// members are others.
    /// </summary>
    private void FollowMetadata(bool isBumped, GroupTime now)
    {
        MetadataImage image = metadata();
        if (!isBumped && ReferenceEquals(image, _seen))
        {
            return;
        }

        _seen = image;
        (List<string> changed, List<string> gone) = _patterns.Refresh(_patternSubscribers.Keys, image.Topics);
        foreach (string pattern in changed)
        {
            write(ConsumerRecords.Pattern(id, pattern, _patterns.TopicsOf(pattern), image.Version, now.UnixMs));
        }

        WriteAll(gone.Select(pattern => ConsumerRecords.NoPattern(id, pattern)));
        long hash = HashOf(image);
        if (isBumped || changed.Count > 0 || hash != _metadataHash)
        {
            _metadataHash = hash;
            GroupEpoch++;
            write(ConsumerRecords.Epoch(id, GroupEpoch, hash));
            Touch();
        }
    }

    /// <summary>FNV-1a over names, ids and sizes of the topics that are there; 0 for none.</summary>
    private long HashOf(MetadataImage image)
    {
        ulong hash = 0;
        foreach (string name in SubscribedTopics.Order(StringComparer.Ordinal))
        {
            if (image.Topics.TryGetValue(name, out TopicImage? topic))
            {
                hash = hash == 0 ? 14695981039346656037UL : hash;
                foreach (char c in $"{name}/{topic.Id}/{topic.Partitions.Length};")
                {
                    hash = (hash ^ c) * 1099511628211UL;
                }
            }
        }

        return (long)hash;
    }

    /// <summary>
    /// Assigns when the group is newer than its assignment: a group of one at once, others at most once in
    /// group.consumer.assignment.interval.ms, so that members that come together are assigned to together.
    /// </summary>
    private void AssignIfDue(GroupTime now)
    {
        _assignDue = Group.Never;
        if (GroupEpoch <= AssignmentEpoch)
        {
            return;
        }

        if (_members.Count > 1 && now.ElapsedMs < _assignedAt + Settings.AssignmentIntervalMs)
        {
            AssignLater(now);
            return;
        }

        Assign();
        _assignedAt = now.ElapsedMs;
        AssignmentEpoch = GroupEpoch;
        write(ConsumerRecords.TargetEpoch(id, AssignmentEpoch, now.UnixMs));
        Touch();
    }

    /// <summary>
    /// A member of the consumer protocol assigns when it comes next. One of the classic protocol comes only when it is
    /// told to, for which the assignment must be there.
    /// </summary>
    private void AssignLater(GroupTime now)
    {
        if (GroupEpoch > AssignmentEpoch && _classicMembers > 0)
        {
            _assignDue = Math.Max(now.ElapsedMs, _assignedAt + Settings.AssignmentIntervalMs);
            WakeBy(_assignDue);
        }
    }

    private void Assign()
    {
        MetadataImage image = metadata();
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string name in SubscribedTopics)
        {
            if (image.Topics.TryGetValue(name, out TopicImage? topic))
            {
                counts[name] = topic.Partitions.Length;
            }
        }

        // One set for all that subscribe to the same: assignors compare subscriptions.
        var subscriptions = new Dictionary<(string, string?), IReadOnlySet<string>>();
        List<AssignorMember> members = [.. _members.Values.Select(
            member => new AssignorMember(member.Id, member.InstanceId, SubscriptionOf(member, subscriptions))
            {
                Owned = [.. (member.Target ?? []).Where(each => image.TopicsById.ContainsKey(each.TopicId)).Select(
                    each => new TopicPartition(image.TopicsById[each.TopicId].Name, each.Partition))],
                Generation = AssignmentEpoch,
            })];
        Dictionary<string, List<TopicPartition>> assignment = GroupAssignors.ByName[AssignorName].Assign(members, counts);
        foreach (ConsumerMember member in _members.Values)
        {
            HashSet<TopicIdPartition> target = [.. assignment[member.Id].Select(
                each => new TopicIdPartition(image.Topics[each.Topic].Id, each.Partition))];
            if (member.Target?.SetEquals(target) != true)
            {
                member.Target = target;
                write(ConsumerRecords.Target(id, member));
            }
        }
    }

    private IReadOnlySet<string> SubscriptionOf(
        ConsumerMember member, Dictionary<(string, string?), IReadOnlySet<string>> known)
    {
        // With their lengths: nobody has looked at what characters are in the names.
        (string, string?) key = (string.Concat(member.Topics.Select(topic => $"{topic.Length}:{topic}")), member.Pattern);
        if (!known.TryGetValue(key, out IReadOnlySet<string>? topics))
        {
            known[key] = topics = new HashSet<string>(
                [.. member.Topics, .. _patterns.TopicsOf(member.Pattern)], StringComparer.Ordinal);
        }

        return topics;
    }
}
