using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// The answer to one look of a fetch: what each partition has to give, within the limits of the request. The first
/// batch goes out even when it is larger than the limits, so that a consumer never gets stuck (KIP-74).
/// </summary>
internal sealed class FetchAnswer(FetchRequest request)
{
    private readonly FetchResponse _response = new();
    private readonly List<LogRead> _reads = [];
    private FetchResponse.FetchableTopicResponse _topic = null!;
    private int _left = request.MaxBytes;

    /// <summary>Bytes of records so far.</summary>
    public int Bytes { get; private set; }

    /// <summary>True when a partition failed: clients must hear of it without delay.</summary>
    public bool HasError { get; private set; }

    public void BeginTopic(FetchRequest.FetchTopic asked)
    {
        _topic = new FetchResponse.FetchableTopicResponse { Topic = asked.Topic, TopicId = asked.TopicId };
        _response.Responses.Add(_topic);
    }

    public void Refuse(FetchRequest.FetchPartition asked, ErrorCode error)
    {
        HasError = true;
        _topic.Partitions.Add(new FetchResponse.PartitionData
        {
            PartitionIndex = asked.Partition,
            ErrorCode = error,
            HighWatermark = -1,
            AbortedTransactions = [],
            Records = RecordSet.Empty,
        });
    }

    public void Read(Replica replica, FetchRequest.FetchPartition asked, bool readCommitted)
    {
        LogOffsets offsets = replica.Log.Offsets;
        long end = readCommitted ? offsets.LastStable : offsets.HighWatermark;
        var partition = new FetchResponse.PartitionData
        {
            PartitionIndex = asked.Partition,
            HighWatermark = offsets.HighWatermark,
            LastStableOffset = offsets.LastStable,
            LogStartOffset = offsets.LogStart,
            AbortedTransactions = readCommitted ? [] : null,
            Records = RecordSet.Empty,
        };
        _topic.Partitions.Add(partition);
        if (asked.FetchOffset == end)
        {
            return;
        }

        LogRead read = replica.Log.Read(
            asked.FetchOffset, Math.Max(0, Math.Min(asked.PartitionMaxBytes, _left)), end, atLeastOneBatch: Bytes == 0,
            withAbortedTransactions: readCommitted);
        if (read.Error != ErrorCode.None)
        {
            HasError = true;
            partition.ErrorCode = read.Error;
            partition.HighWatermark = partition.LastStableOffset = partition.LogStartOffset = -1;
            read.Release();
            return;
        }

        Take(partition, read, readCommitted);
    }

    /// <summary>Gives back what was read; nothing is sent.</summary>
    public void Release()
    {
        foreach (LogRead read in _reads)
        {
            read.Release();
        }
    }

    public void Complete(RequestContext context)
    {
        if (_reads.Count > 0)
        {
            context.Response.AfterSend(static answer => ((FetchAnswer)answer!).Release(), this);
        }

        context.Response.Complete(_response);
    }

    private void Take(FetchResponse.PartitionData partition, LogRead read, bool readCommitted)
    {
        if (read.Length == 0)
        {
            read.Release();
            return;
        }

        _reads.Add(read);
        Bytes += read.Length;
        _left = Math.Max(0, _left - read.Length);
        partition.Records = new RecordSet(read.File!, read.Position, read.Length);
        if (!readCommitted)
        {
            return;
        }

        foreach (AbortedTransaction aborted in read.AbortedTransactions!)
        {
            partition.AbortedTransactions!.Add(new FetchResponse.AbortedTransaction
            {
                ProducerId = aborted.ProducerId,
                FirstOffset = aborted.FirstOffset,
            });
        }
    }
}
