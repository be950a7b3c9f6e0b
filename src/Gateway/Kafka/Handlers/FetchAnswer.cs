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
    /// <summary>The isolation level of consumers that want no open or aborted transactions (KIP-98).</summary>
    public const sbyte ReadCommitted = 1;

    private readonly FetchResponse _response = new();
    private readonly List<LogRead> _reads = [];
    private FetchResponse.FetchableTopicResponse _topic = null!;
    private int _left = request.MaxBytes;
    private readonly bool _readCommitted = request.IsolationLevel == ReadCommitted;

    /// <summary>Bytes of records so far.</summary>
    public int Bytes { get; private set; }

    /// <summary>True when a partition failed: clients must hear of it without delay.</summary>
    public bool HasError { get; private set; }

    public void BeginTopic(FetchRequest.FetchTopic asked)
    {
        _topic = new FetchResponse.FetchableTopicResponse { Topic = asked.Topic, TopicId = asked.TopicId };
        _response.Responses.Add(_topic);
    }

    /// <summary>A partition that cannot be read, and nothing else.</summary>
    public static FetchResponse.PartitionData Failed(FetchRequest.FetchPartition asked, ErrorCode error) => new()
    {
        PartitionIndex = asked.Partition,
        ErrorCode = error,
        HighWatermark = -1,
        AbortedTransactions = [],
        Records = RecordSet.Empty,
    };

    public void Refuse(
        FetchRequest.FetchPartition asked, ErrorCode error, FetchResponse.LeaderIdAndEpoch? leader = null)
    {
        HasError = true;
        FetchResponse.PartitionData failed = Failed(asked, error);
        bool isKnown = error is not (ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId);
        if (isKnown && !_readCommitted)
        {
            failed.AbortedTransactions = null;
        }

        if (leader is not null)
        {
            failed.CurrentLeader = leader;
        }

        _topic.Partitions.Add(failed);
    }

    public void Read(Replica replica, FetchRequest.FetchPartition asked)
    {
        LogOffsets offsets = replica.Log.Offsets;
        long end = _readCommitted ? offsets.LastStable : offsets.HighWatermark;
        var partition = new FetchResponse.PartitionData
        {
            PartitionIndex = asked.Partition,
            HighWatermark = offsets.HighWatermark,
            LastStableOffset = offsets.LastStable,
            LogStartOffset = offsets.LogStart,
            AbortedTransactions = _readCommitted ? [] : null,
            Records = RecordSet.Empty,
        };
        _topic.Partitions.Add(partition);
        if (asked.LastFetchedEpoch >= 0 && !Agrees(replica, asked, partition))
        {
            HasError = true;
            return;
        }

        if (asked.FetchOffset == end)
        {
            return;
        }

        LogRead read = replica.Log.Read(
            asked.FetchOffset, Math.Max(0, Math.Min(asked.PartitionMaxBytes, _left)), end, atLeastOneBatch: Bytes == 0,
            withAbortedTransactions: _readCommitted);
        if (read.Error != ErrorCode.None)
        {
            HasError = true;
            Fail(partition, read.Error);
            read.Release();
            return;
        }

        Take(partition, read);
    }

    /// <summary>
    /// Whether what the reader has up to its offset is what this log has (KIP-595): if not, tells where the epoch it
    /// read last ended here.
    /// </summary>
    private static bool Agrees(
        Replica replica, FetchRequest.FetchPartition asked, FetchResponse.PartitionData partition)
    {
        (int epoch, long end) = replica.Log.EndOffsetForEpoch(asked.LastFetchedEpoch);
        if (epoch < 0 || end < 0)
        {
            Fail(partition, ErrorCode.OffsetOutOfRange);
            return false;
        }

        if (epoch == asked.LastFetchedEpoch && end >= asked.FetchOffset)
        {
            return true;
        }

        partition.DivergingEpoch = new FetchResponse.EpochEndOffset { Epoch = epoch, EndOffset = end };
        return false;
    }

    private static void Fail(FetchResponse.PartitionData partition, ErrorCode error)
    {
        partition.ErrorCode = error;
        partition.HighWatermark = partition.LastStableOffset = partition.LogStartOffset = -1;
    }

    /// <summary>Gives back what was read; nothing is sent.</summary>
    public void Release()
    {
        foreach (LogRead read in _reads)
        {
            read.Release();
        }
    }

    public void Complete(RequestContext context, Action<FetchResponse>? completion)
    {
        completion?.Invoke(_response);
        if (_reads.Count > 0)
        {
            context.Response.AfterSend(static answer => ((FetchAnswer)answer!).Release(), this);
        }

        context.Response.Complete(_response);
    }

    private void Take(FetchResponse.PartitionData partition, LogRead read)
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
        if (!_readCommitted)
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
