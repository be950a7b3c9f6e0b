using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>One Produce request on its way: answered when the last of its partitions has its outcome.</summary>
internal sealed class ProduceCall(RequestContext context, short acks)
{
    private readonly ProduceResponse _response = new();

    /// <summary>One for the handler itself, so that no early outcome answers before all partitions are queued.</summary>
    private int _outstanding = 1;
    private bool _hasError;

    public ProduceResponse.TopicProduceResponse AddTopic(ProduceRequest.TopicProduceData data)
    {
        var topic = new ProduceResponse.TopicProduceResponse { Name = data.Name, TopicId = data.TopicId };
        _response.Responses.Add(topic);
        return topic;
    }

    /// <summary>Adds a partition; with an error it has its outcome at once, else when it is appended.</summary>
    public PartitionAppend AddPartition(
        ProduceResponse.TopicProduceResponse topic, ProduceRequest.PartitionProduceData data, ErrorCode error)
    {
        var answer = new ProduceResponse.PartitionProduceResponse { Index = data.Index };
        topic.PartitionResponses.Add(answer);
        var append = new PartitionAppend(this, answer) { WaitsForDisk = acks != 0 };
        if (error == ErrorCode.None)
        {
            Interlocked.Increment(ref _outstanding);
            append.Append.Records = data.Records.Bytes;
            append.Append.ProduceVersion = context.ApiVersion;
        }
        else
        {
            Refuse(answer, error);
        }

        return append;
    }

    /// <summary>The handler is done: what is queued now runs at the end of the turn or with another writer.</summary>
    public void AllQueued()
    {
        if (Volatile.Read(ref _outstanding) > 1)
        {
            context.KeepBody();
        }

        OneDone();
    }

    public void Done(ProduceResponse.PartitionProduceResponse answer, LogAppend append)
    {
        if (append.Error != ErrorCode.None)
        {
            Refuse(answer, append.Error);
            answer.ErrorMessage = append.ErrorMessage;
            AddRecordErrors(answer, append);
        }
        else
        {
            answer.BaseOffset = append.BaseOffset;
            answer.LogAppendTimeMs = append.LogAppendTimeMs;
        }

        answer.LogStartOffset = append.LogStartOffset;
        OneDone();
    }

    private void Refuse(ProduceResponse.PartitionProduceResponse answer, ErrorCode error)
    {
        _hasError = true;
        answer.ErrorCode = error;
        answer.BaseOffset = -1;
        answer.LogStartOffset = -1;
    }

    private static void AddRecordErrors(ProduceResponse.PartitionProduceResponse answer, LogAppend append)
    {
        foreach (RecordError error in append.RecordErrors ?? [])
        {
            answer.RecordErrors.Add(new ProduceResponse.BatchIndexAndErrorMessage
            {
                BatchIndex = error.BatchIndex,
                BatchIndexErrorMessage = error.Message,
            });
        }
    }

    private void OneDone()
    {
        if (Interlocked.Decrement(ref _outstanding) != 0)
        {
            return;
        }

        if (acks != 0)
        {
            context.Response.Complete(_response);
        }
        else if (_hasError)
        {
            // Nobody reads an answer: losing the connection is the only way the client hears of the failure.
            context.Response.Close(CloseReason.ProtocolViolation, "a Produce with acks=0 failed");
        }
        else
        {
            context.Response.CompleteWithoutAnswer();
        }
    }
}

/// <summary>The batch of one partition of a Produce request.</summary>
internal sealed class PartitionAppend(ProduceCall call, ProduceResponse.PartitionProduceResponse answer) : ReplicaAppend
{
    protected override void OnAppended() => call.Done(answer, Append);
}
