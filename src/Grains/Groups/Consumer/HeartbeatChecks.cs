namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>What is wrong with a ConsumerGroupHeartbeat whatever the group is.</summary>
internal static class HeartbeatChecks
{
    /// <summary>The reason to refuse a request; null when it is well formed.</summary>
    /// <param name="request">The request.</param>
    /// <param name="settings">What the broker allows.</param>
    /// <param name="isKnownPattern">The request's pattern need not be looked at again.</param>
    public static ConsumerHeartbeatReply? Check(
        ConsumerHeartbeat request, ConsumerSettings settings, bool isKnownPattern)
    {
        if (Malformation(request) is { } malformation)
        {
            return Refused(ErrorCode.InvalidRequest, malformation);
        }

        if (request.ServerAssignor is { } assignor && !settings.Assignors.Contains(assignor))
        {
            return Refused(
                ErrorCode.UnsupportedAssignor,
                $"Assignor '{assignor}' is not supported. Supported: {string.Join(", ", settings.Assignors)}.");
        }

        return request.Pattern is { Length: > 0 } pattern && !isKnownPattern && !TopicPattern.TryParse(pattern, out _, out string problem)
            ? Refused(
                ErrorCode.InvalidRegularExpression,
                $"The pattern '{pattern[..Math.Min(pattern.Length, 100)]}' is not valid: {problem}.")
            : null;
    }

    /// <summary>An answer with an error.</summary>
    public static ConsumerHeartbeatReply Refused(ErrorCode error, string? message) =>
        new() { Error = (short)error, Message = message };

    private static string? Malformation(ConsumerHeartbeat request)
    {
        if (request.MemberId.Length == 0)
        {
            return "MemberId can't be empty.";
        }

        if (request.InstanceId is { Length: 0 })
        {
            return "InstanceId can't be empty.";
        }

        if (request.RackId is { Length: 0 })
        {
            return "RackId can't be empty.";
        }

        if (request.MemberId.Length > GroupProtocols.NameMax || request.InstanceId?.Length > GroupProtocols.NameMax ||
            request.RackId?.Length > GroupProtocols.NameMax ||
            request.Topics?.Any(topic => topic.Length > GroupProtocols.NameMax) == true)
        {
            return "A name is too long.";
        }

        return request.MemberEpoch switch
        {
            < ConsumerMember.AwayEpoch => "MemberEpoch is invalid.",
            ConsumerMember.AwayEpoch when request.InstanceId is null => "InstanceId can't be null.",
            0 when request.RebalanceTimeoutMs == -1 => "RebalanceTimeoutMs must be provided in the first request.",
            0 when request.Owned is not { Length: 0 } => "TopicPartitions must be empty in the first request.",
            0 when request.Topics is null && request.Pattern is null
                => "SubscribedTopicNames or SubscribedTopicRegex must be provided in the first request.",
            _ => null,
        };
    }
}
