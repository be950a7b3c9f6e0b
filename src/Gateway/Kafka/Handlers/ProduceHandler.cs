using System.Buffers;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// Produce, versions 3-13, advertised from 0 (KAFKA-18659). v5 answers the log start, v8 names bad records (KIP-467),
/// v10 the new leader (KIP-951), v13 takes topic ids.
/// </summary>
/// <remarks>
/// The bytes stay where they were received: the handler finds the replica of each partition and queues the batch
/// with its writer; the appends of all requests of a turn run together at its end.
/// </remarks>
internal sealed class ProduceHandler(BrokerView broker)
    : RequestHandler(ApiKey.Produce, FirstVersion, LastVersion, advertisedMinVersion: 0)
{
    private const short FirstVersion = 3;
    private const short LastVersion = 13;
    private const short FirstVersionWithTopicIds = 13;

    /// <summary>From this version on clients know TRANSACTION_ABORTABLE (KIP-890).</summary>
    private const short FirstVersionWithAbortable = 11;

    public override RequestOrder Order => RequestOrder.Pipelined;

    public override void Handle(RequestContext context)
    {
        var request = new ProduceRequest();
        if (!context.TryRead(request))
        {
            return;
        }

        var call = new ProduceCall(context, request.Acks);
        ErrorCode refusal = Refusal(request, context.ApiVersion);
        MetadataImage metadata = broker.Metadata;
        AppendTurn appends = context.Turn.Work(static () => new AppendTurn());
        foreach (ProduceRequest.TopicProduceData data in request.TopicData)
        {
            if (data.PartitionData.Count == 0)
            {
                continue;
            }

            TopicImage? topic = Find(metadata, data, context.ApiVersion);
            ProduceResponse.TopicProduceResponse answer = call.AddTopic(data);
            foreach (ProduceRequest.PartitionProduceData partition in data.PartitionData)
            {
                ErrorCode error = refusal != ErrorCode.None ? refusal : Check(topic, context.ApiVersion);
                Replica? replica = null;
                if (error == ErrorCode.None)
                {
                    error = broker.FindLeader(topic, partition.Index, out replica);
                }

                PartitionAppend append = call.AddPartition(answer, partition, error);
                if (error != ErrorCode.None)
                {
                    continue;
                }

                replica!.Log.Prepare(append.Append);
                if (replica.Enqueue(append))
                {
                    appends.Add(context.Turn, replica);
                }
            }
        }

        call.AllQueued();
    }

    private static TopicImage? Find(MetadataImage metadata, ProduceRequest.TopicProduceData data, short version)
    {
        TopicImage? topic;
        return version >= FirstVersionWithTopicIds
            ? metadata.TopicsById.TryGetValue(data.TopicId.ToGuid(), out topic) ? topic : null
            : metadata.Topics.TryGetValue(data.Name, out topic) ? topic : null;
    }

    /// <summary>
    /// Why a request is refused as a whole. Transactions are not served yet, so nothing transactional may get into a
    /// log: it would hold back every reader of committed records for ever.
    /// </summary>
    private static ErrorCode Refusal(ProduceRequest request, short version)
    {
        if (request.Acks is < -1 or > 1)
        {
            return ErrorCode.InvalidRequiredAcks;
        }

        foreach (ProduceRequest.TopicProduceData data in request.TopicData)
        {
            foreach (ProduceRequest.PartitionProduceData partition in data.PartitionData)
            {
                if (IsTransactional(partition.Records.Bytes))
                {
                    return request.TransactionalId is null ? ErrorCode.TransactionalIdAuthorizationFailed
                        : version < FirstVersionWithAbortable ? ErrorCode.InvalidTxnState
                        : ErrorCode.TransactionAbortable;
                }
            }
        }

        return ErrorCode.None;
    }

    private static bool IsTransactional(in ReadOnlySequence<byte> records)
    {
        const int AttributesEnd = RecordBatchHeader.AttributesAt + sizeof(short);
        if (records.Length < AttributesEnd)
        {
            return false;
        }

        if (records.FirstSpan.Length >= AttributesEnd)
        {
            return IsTransactional(records.FirstSpan);
        }

        Span<byte> header = stackalloc byte[AttributesEnd];
        records.Slice(0, AttributesEnd).CopyTo(header);
        return IsTransactional(header);
    }

    private static bool IsTransactional(ReadOnlySpan<byte> header) =>
        header[RecordBatchHeader.MagicAt] == RecordBatchHeader.CurrentMagic
        && (header[RecordBatchHeader.AttributesAt + 1] & RecordBatchHeader.TransactionalFlag) != 0;

    private static ErrorCode Check(TopicImage? topic, short version)
    {
        if (topic is null)
        {
            return version >= FirstVersionWithTopicIds ? ErrorCode.UnknownTopicId : ErrorCode.UnknownTopicOrPartition;
        }

        return TopicName.IsInternal(topic.Name) ? ErrorCode.InvalidTopicException : ErrorCode.None;
    }
}

/// <summary>The replicas whose queue this turn has to empty when all of its requests are read.</summary>
internal sealed class AppendTurn : ITurnWork
{
    private readonly List<Replica> _replicas = [];

    public void Add(ConnectionTurn turn, Replica replica)
    {
        if (_replicas.Count == 0)
        {
            turn.Enlist(this);
        }

        _replicas.Add(replica);
    }

    public void Run()
    {
        // A replica may be written to again while it is drained here: by then it has another writer.
        Replica.DrainAll(_replicas);
        _replicas.Clear();
    }
}
