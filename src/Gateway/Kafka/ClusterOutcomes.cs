using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>Turns a grain call that failed into the error that the client is told.</summary>
internal static class ClusterOutcomes
{
    /// <summary>
    /// The call's outcome. A call without answer, because the silo of a grain or the grain storage is away, is
    /// REQUEST_TIMED_OUT: whether it took effect is unknown, and the client asks again. Anything else that went wrong is
    /// UNKNOWN_SERVER_ERROR with its reason.
    /// </summary>
    public static async Task<TopicOutcome> OrFailure(this Task<TopicOutcome> call)
    {
        try
        {
            return await call;
        }
        catch (Exception exception) when (GrainFailure.MayPass(exception))
        {
            return TopicOutcome.Of(ErrorCode.RequestTimedOut, GrainFailure.InOneLine(exception));
        }
        catch (Exception exception)
        {
            return TopicOutcome.Of(ErrorCode.UnknownServerError, GrainFailure.InOneLine(exception));
        }
    }
}
