using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// ConsumerGroupDescribe, versions 0-1 (KIP-848): groups of the consumer protocol with their members. v1 says which
/// members speak the classic protocol.
/// </summary>
internal sealed class ConsumerGroupDescribeHandler(BrokerView broker, GroupCalls groups)
    : RequestHandler<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>
{
    private const sbyte ClassicMember = 0;
    private const sbyte ConsumerMember = 1;

    protected override async ValueTask<ConsumerGroupDescribeResponse?> HandleAsync(
        RequestContext context, ConsumerGroupDescribeRequest request)
    {
        var response = new ConsumerGroupDescribeResponse();
        foreach (string groupId in request.GroupIds)
        {
            ConsumerGroupDescribeResponse.DescribedGroup described = await DescribeAsync(groupId);
            if (request.IncludeAuthorizedOperations && described.ErrorCode == ErrorCode.None)
            {
                described.AuthorizedOperations = AuthorizedOperations.OnGroup;
            }

            response.Groups.Add(described);
        }

        return response;
    }

    private async Task<ConsumerGroupDescribeResponse.DescribedGroup> DescribeAsync(string groupId)
    {
        if (groupId.Length == 0)
        {
            return new ConsumerGroupDescribeResponse.DescribedGroup { ErrorCode = ErrorCode.InvalidGroupId };
        }

        ErrorCode refused = ErrorCode.GroupIdNotFound;
        string? message = $"There is no group {groupId} of the consumer protocol.";
        ConsumerGroupDescription? description = await groups.CallAsync(
            groupId,
            group => group.DescribeConsumersAsync(),
            error =>
            {
                (refused, message) = (error, null);
                return null;
            });
        return description is null
            ? new ConsumerGroupDescribeResponse.DescribedGroup
            {
                GroupId = groupId,
                ErrorCode = refused,
                ErrorMessage = message,
            }
            : Described(groupId, description, broker.Metadata);
    }

    private static ConsumerGroupDescribeResponse.DescribedGroup Described(
        string groupId, ConsumerGroupDescription description, MetadataImage metadata)
    {
        var group = new ConsumerGroupDescribeResponse.DescribedGroup
        {
            GroupId = groupId,
            GroupState = description.State,
            GroupEpoch = description.GroupEpoch,
            AssignmentEpoch = description.AssignmentEpoch,
            AssignorName = description.AssignorName,
        };
        group.Members.AddRange(description.Members.Select(member => new ConsumerGroupDescribeResponse.Member
        {
            MemberId = member.Member.MemberId,
            InstanceId = member.Member.InstanceId,
            RackId = member.RackId,
            MemberEpoch = member.MemberEpoch,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            SubscribedTopicNames = [.. member.Topics],
            SubscribedTopicRegex = member.Pattern,
            Assignment = AssignmentOf(member.Assignment, metadata),
            TargetAssignment = AssignmentOf(member.TargetAssignment, metadata),
            MemberType = member.IsClassic ? ClassicMember : ConsumerMember,
        }));
        return group;
    }

    /// <summary>Topics that are gone have no name, and are left out.</summary>
    private static ConsumerGroupDescribeResponse.Assignment AssignmentOf(
        GroupTopicPartitions[] partitions, MetadataImage metadata)
    {
        var assignment = new ConsumerGroupDescribeResponse.Assignment();
        foreach (GroupTopicPartitions each in partitions)
        {
            if (metadata.TopicsById.TryGetValue(each.TopicId, out TopicImage? topic))
            {
                assignment.TopicPartitions.Add(new ConsumerGroupDescribeResponse.TopicPartitions
                {
                    TopicId = each.TopicId.ToKafkaUuid(),
                    TopicName = topic.Name,
                    Partitions = [.. each.Partitions],
                });
            }
        }

        return assignment;
    }
}
