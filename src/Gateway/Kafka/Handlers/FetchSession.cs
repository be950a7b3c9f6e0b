using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// What a client reads, as the broker remembers it between requests (KIP-227): the client tells changes only, and
/// partitions without news are left out of the answers. Used by several threads.
/// </summary>
internal sealed class FetchSession(int id, bool byTopicIds)
{
    private const int FirstEpoch = 1;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string, KafkaUuid, int), Entry> _entries = [];
    private List<Entry> _order = [];
    private int _nextEpoch = FirstEpoch;
    private long _lastUsed;

    public int Id => id;

    /// <summary>Whether its topics go by id. A session stays with what it began with.</summary>
    public bool ByTopicIds => byTopicIds;

    /// <summary>When it was used last, as a timestamp of the clock.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>Begins a session with a full request and its answer.</summary>
    public void Begin(FetchRequest request, FetchResponse response, long now)
    {
        lock (_lock)
        {
            _lastUsed = now;
            Take(request);
            Visit(response, static (_, _) => false);
        }
    }

    /// <summary>
    /// Takes the changes of a request, and turns it into the full request that it stands for.
    /// </summary>
    public ErrorCode Continue(FetchRequest request, long now, out bool isEmpty)
    {
        lock (_lock)
        {
            isEmpty = false;
            if (request.SessionEpoch != _nextEpoch)
            {
                return ErrorCode.InvalidFetchSessionEpoch;
            }

            _nextEpoch = _nextEpoch == int.MaxValue ? FirstEpoch : _nextEpoch + 1;
            _lastUsed = now;
            Forget(request);
            Take(request);
            request.Topics = Topics();
            isEmpty = _order.Count == 0;
            return ErrorCode.None;
        }
    }

    /// <summary>Leaves out of an answer what the client knows already.</summary>
    public void LeaveOutKnown(FetchResponse response)
    {
        lock (_lock)
        {
            Visit(response, static (isKnown, hasRecords) => isKnown && !hasRecords);
        }

        response.Responses.RemoveAll(topic => topic.Partitions.Count == 0);
    }

    private void Take(FetchRequest request)
    {
        foreach (FetchRequest.FetchTopic topic in request.Topics)
        {
            foreach (FetchRequest.FetchPartition partition in topic.Partitions)
            {
                var key = (topic.Topic, topic.TopicId, partition.Partition);
                if (!_entries.TryGetValue(key, out Entry? entry))
                {
                    _entries.Add(key, entry = new Entry(topic.Topic, topic.TopicId));
                    _order.Add(entry);
                }

                entry.Asked = partition;
            }
        }
    }

    private void Forget(FetchRequest request)
    {
        foreach (FetchRequest.ForgottenTopic topic in request.ForgottenTopicsData)
        {
            foreach (int partition in topic.Partitions)
            {
                if (_entries.Remove((topic.Topic, topic.TopicId, partition), out Entry? entry))
                {
                    _order.Remove(entry);
                }
            }
        }
    }

    private List<FetchRequest.FetchTopic> Topics()
    {
        var topics = new List<FetchRequest.FetchTopic>();
        foreach (Entry entry in _order)
        {
            if (topics.Count == 0 || topics[^1].Topic != entry.Topic || topics[^1].TopicId != entry.TopicId)
            {
                topics.Add(new FetchRequest.FetchTopic { Topic = entry.Topic, TopicId = entry.TopicId });
            }

            topics[^1].Partitions.Add(entry.Asked);
        }

        return topics;
    }

    /// <summary>
    /// Remembers what an answer tells, and takes from it what <paramref name="leaveOut"/> says, given whether the client
    /// knows it and whether there are records. Partitions with records go last: all get their turn.
    /// </summary>
    private void Visit(FetchResponse response, Func<bool, bool, bool> leaveOut)
    {
        var served = new HashSet<Entry>();
        foreach (FetchResponse.FetchableTopicResponse topic in response.Responses)
        {
            topic.Partitions.RemoveAll(told =>
            {
                if (!_entries.TryGetValue((topic.Topic, topic.TopicId, told.PartitionIndex), out Entry? entry))
                {
                    return leaveOut(true, false);
                }

                bool hasRecords = told.Records.Length > 0;
                if (hasRecords)
                {
                    served.Add(entry);
                }

                return leaveOut(!entry.IsNews(told), hasRecords);
            });
        }

        if (served.Count > 0 && served.Count < _order.Count)
        {
            _order = [.. _order.Where(entry => !served.Contains(entry)), .. _order.Where(served.Contains)];
        }
    }

    private sealed class Entry(string topic, KafkaUuid topicId)
    {
        private long _highWatermark = -1;
        private long _logStart = -1;

        public string Topic => topic;

        public KafkaUuid TopicId => topicId;

        public FetchRequest.FetchPartition Asked { get; set; } = null!;

        /// <summary>Whether the client does not know this yet; it knows it from now on. Errors are always news.</summary>
        public bool IsNews(FetchResponse.PartitionData told)
        {
            bool isError = told.ErrorCode != ErrorCode.None;
            bool isNews = isError
                || told.DivergingEpoch is not null
                || told.HighWatermark != _highWatermark
                || told.LogStartOffset != _logStart;
            _highWatermark = isError ? -1 : told.HighWatermark;
            _logStart = told.LogStartOffset;
            return isNews;
        }
    }
}
