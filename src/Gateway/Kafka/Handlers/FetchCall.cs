using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// One Fetch request until it is answered: looked at once, and if too little is there parked, then looked at again
/// whenever one of its partitions has news.
/// </summary>
internal sealed class FetchCall : ParkedFetch
{
    private const short FirstVersionWithTopicIds = 13;
    private const short FirstVersionWithFollowerState = 15;
    private const short FirstVersionWithNewLeader = 16;

    private const int Idle = 0;
    private const int Looking = 1;
    private const int LookAgain = 2;
    private const int Answered = 3;

    private readonly RequestContext _context;
    private readonly FetchRequest _request;
    private readonly short _version;
    private readonly BrokerView _broker;
    private readonly DeadlineWheel _deadlines;
    private readonly Action<FetchResponse>? _completion;
    private (Replica Replica, ParkingPlace Place)[] _places = [];
    private int _look = Idle;
    private volatile bool _isLastLook;

    /// <param name="context">The request.</param>
    /// <param name="request">Its body, with all that is to be read.</param>
    /// <param name="broker">The broker.</param>
    /// <param name="deadlines">Where a fetch waits.</param>
    /// <param name="completion">What a session does to the answer; null without one.</param>
    public FetchCall(
        RequestContext context,
        FetchRequest request,
        BrokerView broker,
        DeadlineWheel deadlines,
        Action<FetchResponse>? completion)
    {
        _context = context;
        _version = context.ApiVersion;
        _request = request;
        _broker = broker;
        _deadlines = deadlines;
        _completion = completion;
    }

    public void Start()
    {
        _isLastLook = _request.MaxWaitMs <= 0 || _request.MinBytes <= 0;
        Look();
        if (_look == Answered)
        {
            return;
        }

        // From the first parking on another thread may answer, and the context is not ours any more.
        _context.Response.OnAbandoned(static call => ((FetchCall)call!).LookForTheLastTime(), this);
        Park();

        // News that came between the first look and the parking was told to nobody: look again.
        Look();
        if (Volatile.Read(ref _look) == Answered)
        {
            Unpark();
        }
    }

    protected override void OnNews() => Look();

    protected override void OnDeadline() => LookForTheLastTime();

    private void LookForTheLastTime()
    {
        _isLastLook = true;
        Look();
    }

    /// <summary>
    /// Looks whether there is enough, one thread at a time: who comes while another looks has it look once more.
    /// Only the first look that finds enough answers.
    /// </summary>
    private void Look()
    {
        while (true)
        {
            int before = Interlocked.CompareExchange(ref _look, Looking, Idle);
            if (before == Idle)
            {
                break;
            }

            // Somebody looks, perhaps past what is new by now.
            if (before != Looking || Interlocked.CompareExchange(ref _look, LookAgain, Looking) == Looking)
            {
                return;
            }
        }

        while (!TryAnswer())
        {
            if (Interlocked.CompareExchange(ref _look, Idle, Looking) == Looking)
            {
                return;
            }

            Volatile.Write(ref _look, Looking);
        }
    }

    private bool TryAnswer()
    {
        bool isLast = _isLastLook;
        if (!isLast && FindsNothing())
        {
            return false;
        }

        var answer = new FetchAnswer(_request);
        Read(answer);
        if (!isLast && !answer.HasError && answer.Bytes < _request.MinBytes)
        {
            answer.Release();
            return false;
        }

        Volatile.Write(ref _look, Answered);
        Unpark();
        answer.Complete(_context, _completion);
        return true;
    }

    /// <summary>
    /// True when every partition is read to its end. Most looks find just that, and an answer made for it would be
    /// most of what a waiting consumer costs.
    /// </summary>
    private bool FindsNothing()
    {
        MetadataImage metadata = _broker.Metadata;
        bool readCommitted = _request.IsolationLevel == FetchAnswer.ReadCommitted;
        foreach (FetchRequest.FetchTopic asked in _request.Topics)
        {
            TopicImage? topic = Find(metadata, asked);
            foreach (FetchRequest.FetchPartition partition in asked.Partitions)
            {
                if (_broker.FindLeader(topic, partition.Partition, partition.CurrentLeaderEpoch, out Replica? replica)
                    != ErrorCode.None)
                {
                    return false;
                }

                LogOffsets offsets = replica!.Log.Offsets;
                if (partition.FetchOffset != (readCommitted ? offsets.LastStable : offsets.HighWatermark))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private void Read(FetchAnswer answer)
    {
        MetadataImage metadata = _broker.Metadata;
        foreach (FetchRequest.FetchTopic asked in _request.Topics)
        {
            TopicImage? topic = Find(metadata, asked);
            answer.BeginTopic(asked);
            foreach (FetchRequest.FetchPartition partition in asked.Partitions)
            {
                Replica? replica = null;
                ErrorCode error = topic is null && _version >= FirstVersionWithTopicIds
                    ? ErrorCode.UnknownTopicId
                    : _broker.FindLeader(topic, partition.Partition, partition.CurrentLeaderEpoch, out replica);
                if (error == ErrorCode.None && IsFromFollower)
                {
                    // No other broker holds a replica of what is led here.
                    error = ErrorCode.NotLeaderOrFollower;
                }

                if (error == ErrorCode.None)
                {
                    answer.Read(replica!, partition);
                }
                else
                {
                    answer.Refuse(partition, error, LeaderOf(topic, partition.Partition, error));
                }
            }
        }
    }

    private bool IsFromFollower =>
        (_version >= FirstVersionWithFollowerState ? _request.ReplicaState?.ReplicaId ?? -1 : _request.ReplicaId) >= 0;

    /// <summary>Who leads, for a client that came to the wrong broker (KIP-951); null for other errors.</summary>
    private FetchResponse.LeaderIdAndEpoch? LeaderOf(TopicImage? topic, int partition, ErrorCode error)
    {
        if (_version < FirstVersionWithNewLeader || topic is null
            || error is not (ErrorCode.NotLeaderOrFollower or ErrorCode.FencedLeaderEpoch))
        {
            return null;
        }

        PartitionImage image = topic.Partitions[partition];
        return new FetchResponse.LeaderIdAndEpoch { LeaderId = image.Leader, LeaderEpoch = image.LeaderEpoch };
    }

    private TopicImage? Find(MetadataImage metadata, FetchRequest.FetchTopic asked)
    {
        TopicImage? topic;
        return _version >= FirstVersionWithTopicIds
            ? metadata.TopicsById.TryGetValue(asked.TopicId.ToGuid(), out topic) ? topic : null
            : metadata.Topics.TryGetValue(asked.Topic, out topic) ? topic : null;
    }

    private void Park()
    {
        MetadataImage metadata = _broker.Metadata;
        var places = new (Replica, ParkingPlace)[_request.Topics.Sum(topic => topic.Partitions.Count)];
        int count = 0;
        foreach (FetchRequest.FetchTopic asked in _request.Topics)
        {
            TopicImage? topic = Find(metadata, asked);
            foreach (FetchRequest.FetchPartition partition in asked.Partitions)
            {
                if (_broker.FindLeader(topic, partition.Partition, out Replica? replica) == ErrorCode.None)
                {
                    places[count++] = (replica!, new ParkingPlace(this));
                }
            }
        }

        Array.Resize(ref places, count);
        Volatile.Write(ref _places, places);
        foreach ((Replica replica, ParkingPlace place) in places)
        {
            replica.Park(place);
        }

        _deadlines.Arm(this, TimeSpan.FromMilliseconds(_request.MaxWaitMs));
    }

    private void Unpark()
    {
        foreach ((Replica replica, ParkingPlace place) in Volatile.Read(ref _places))
        {
            replica.Leave(place);
        }

        _deadlines.Disarm(this);
    }
}
