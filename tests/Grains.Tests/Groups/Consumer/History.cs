using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>
/// One random history of a group. After each step: no partition has two owners among the members; epochs and generations
/// have not gone back, nor behind what was in the log when the coordinator went away; the committed offsets are those that
/// were acknowledged, also after a reload; and nobody could commit for a partition that another has had since.
/// </summary>
internal sealed class History
{
    private const int Clients = 10;

    private readonly HistoryKind _kind;
    private readonly Random _random;
    private readonly ConsumerScene _scene = new(("a", 3), ("b", 5), ("c", 1));
    private readonly HistoryClient?[] _clients = new HistoryClient?[Clients];
    private readonly List<string> _events = [];
    private readonly Dictionary<string, int> _memberEpochs = [];
    private readonly Dictionary<string, long> _committed = [];
    private readonly Dictionary<string, string> _lastOwners = [];
    private readonly Dictionary<string, int> _handovers = [];
    private readonly List<(string MemberId, int Epoch, string Partition, int Handovers)> _sent = [];
    private int _highestEpoch;
    private int _writtenEpoch;
    private long _lastOffset;
    private int _restarts;
    private int _lastClient;
    private bool _wasConsumerGroup;

    public History(HistoryKind kind, int seed)
    {
        _kind = kind;
        _random = new Random(seed);
    }

    public int ProtocolChanges { get; private set; }

    private IEnumerable<HistoryClient> Living => _clients.OfType<HistoryClient>();

    public void Run(int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            Step();
            Check();
        }
    }

    /// <summary>No more accidents: everybody does what its protocol says until nothing changes any more.</summary>
    public void CalmDown()
    {
        Note("calm");
        for (int round = 0; round < 60; round++)
        {
            _scene.Advance(1500);
            foreach (HistoryClient client in Living)
            {
                client.IsCalm = true;
                client.Act(Fate.Delivered);
                Check();
            }
        }

        string[] expected = [.. Living.SelectMany(client => client.Topics).Distinct()
            .Where(_scene.Metadata.Topics.ContainsKey)
            .SelectMany(topic => _scene.Metadata.Topics[topic].Partitions.Select(each => $"{topic}/{each.Partition}"))
            .Order(StringComparer.Ordinal)];
        string[] owned = [.. Living.SelectMany(client => client.Owned).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, owned);
        Assert.Equal(Living.Any() ? "Stable" : "Empty", _scene.Group.StateName);
        Assert.Equal(Living.Any(client => client is not ClassicClient), _scene.Group.IsConsumerGroup && Living.Any());
    }

    public string Tail() => string.Join('\n', _events.TakeLast(40));

    private void Step()
    {
        _scene.Advance(_random.Next(8) == 0 ? _random.Next(12_000) : _random.Next(1500));
        int at = _random.Next(Clients);
        switch (_random.Next(48))
        {
            case 0:
                Note($"{_clients[at]?.Name} dies");
                _clients[at] = null;
                break;
            case 1 when _clients[at] is { } leaver:
                Note($"{leaver.Name} leaves");
                leaver.Leave(FateOf());
                _clients[at] = null;
                break;
            case 2:
                Restart();
                break;
            case 3:
                ChangeTopics();
                break;
            case 4 when _clients[at] is { } changer:
                changer.Subscribe(SomeTopics());
                break;
            case >= 40 and < 46 when _clients[at] is { Owned.Count: > 0 } committer:
                string partition = committer.Owned.Order(StringComparer.Ordinal).ElementAt(
                    _random.Next(committer.Owned.Count));
                var commit = (committer.MemberId, committer.Epoch, partition, _handovers.GetValueOrDefault(partition));
                _sent.Add(commit);
                Commit(commit, isLate: false);
                break;
            case >= 46 when _sent.Count > 0:
                Commit(_sent[_random.Next(_sent.Count)], isLate: true);
                break;
            default:
                _clients[at] ??= NewClient();
                Fate fate = FateOf();
                _clients[at]!.Act(fate);
                Note($"{_scene.Now}: {_clients[at]} ({fate}) group {_scene.Group.StateName}");
                break;
        }
    }

    /// <summary>A commit, perhaps one that was long on its way; the coordinator may die before or after it is in the log.</summary>
    private void Commit((string MemberId, int Epoch, string Partition, int Handovers) commit, bool isLate)
    {
        string[] names = commit.Partition.Split('/');
        int written = _scene.Log.Count;
        ErrorCode error = _scene.Commit(
            commit.MemberId, commit.Epoch, names[0], int.Parse(names[1], null), offset: ++_lastOffset);
        Note($"{commit.MemberId} at {commit.Epoch} commits {_lastOffset} for {commit.Partition}: {error}");
        int accident = isLate ? 2 : _random.Next(20);
        if (accident == 0)
        {
            _scene.Log.RemoveRange(written, _scene.Log.Count - written);
        }
        else if (error == ErrorCode.None)
        {
            Assert.True(
                _handovers.GetValueOrDefault(commit.Partition) == commit.Handovers,
                $"{commit.MemberId} could commit for {commit.Partition}, which another has had since epoch {commit.Epoch}");
            _committed[commit.Partition] = _lastOffset;
        }

        if (accident < 2)
        {
            Restart();
        }
    }

    private Fate FateOf() => _random.Next(12) switch
    {
        0 => Fate.RequestLost,
        1 => Fate.AnswerLost,
        2 => Fate.Repeated,
        3 when _random.Next(3) == 0 => Fate.CoordinatorDiesBeforeWriting,
        4 when _random.Next(3) == 0 => Fate.CoordinatorDiesAfterWriting,
        _ => Fate.Delivered,
    };

    private HistoryClient NewClient()
    {
        string name = $"m{++_lastClient}";
        bool isClassic = _kind != HistoryKind.ConsumersOnly && _random.Next(2) == 0;
        HistoryClient client = isClassic
            ? new ClassicClient(_scene, name, isCooperative: _kind == HistoryKind.WithCooperativeClassics)
            : _random.Next(4) == 0 ? new StaticClient(_scene, name, _random) : new ConsumerClient(_scene, name, _random);
        client.Subscribe(SomeTopics());
        return client;
    }

    private string[] SomeTopics()
    {
        string[] topics = [.. new[] { "a", "b", "c", "d", "e" }.Where(_ => _random.Next(2) == 0)];
        return topics.Length == 0 ? ["a"] : topics;
    }

    private void ChangeTopics()
    {
        string topic = "abcde"[_random.Next(5)].ToString();
        if (!_scene.Metadata.Topics.ContainsKey(topic))
        {
            _scene.SetTopic(topic, 1 + _random.Next(4));
        }
        else
        {
            _scene.SetTopic(topic, _scene.Metadata.Topics[topic].Partitions.Length + 1);
        }

        Note($"topic {topic} changes");
    }

    private void Restart()
    {
        Note("restart");
        _scene.Restart();
        foreach (HistoryClient client in Living)
        {
            client.OnCoordinatorGone();
        }
    }

    private void Check()
    {
        HashSet<string> members = _scene.MemberIds();
        var owners = new Dictionary<string, string>();
        foreach (HistoryClient client in Living.Where(client => members.Contains(client.MemberId)))
        {
            foreach (string partition in client.Owned)
            {
                Assert.True(
                    owners.TryAdd(partition, client.Name),
                    $"{partition} is owned by {client.Name} and {owners.GetValueOrDefault(partition)}");
                string owner = $"{client.Name}/{client.MemberId}";
                if (_lastOwners.GetValueOrDefault(partition) != owner)
                {
                    _lastOwners[partition] = owner;
                    _handovers[partition] = _handovers.GetValueOrDefault(partition) + 1;
                }
            }
        }

        CheckEpochs();
        foreach ((string partition, long offset) in _committed)
        {
            string[] names = partition.Split('/');
            long found = _scene.Offset(names[0], int.Parse(names[1], null));
            Assert.True(offset == found, $"the offset of {partition} is {found}, {offset} was acknowledged");
        }

        foreach (HistoryClient client in Living.Where(
            each => each is not ClassicClient && !members.Contains(each.MemberId)))
        {
            if (client.Epoch > 0 && members.Count > 0)
            {
                Assert.True(
                    _scene.Commit(client.MemberId, client.Epoch, "a", 0) != ErrorCode.None,
                    $"{client.MemberId} is fenced and could commit");
            }
        }
    }

    private void CheckEpochs()
    {
        bool isConsumerGroup = _scene.Group.IsConsumerGroup;
        ProtocolChanges += isConsumerGroup != _wasConsumerGroup ? 1 : 0;
        _wasConsumerGroup = isConsumerGroup;
        int epoch = isConsumerGroup ? _scene.Describe().AssignmentEpoch : _scene.Group.Generation;
        if (!isConsumerGroup && _restarts != _scene.Restarts)
        {
            // The classic protocol writes a generation when it is assigned, not when it begins.
            (_restarts, _highestEpoch) = (_scene.Restarts, _writtenEpoch);
        }

        Assert.True(epoch >= _highestEpoch, $"epoch {epoch} after {_highestEpoch}");
        _highestEpoch = epoch;
        _writtenEpoch = isConsumerGroup || _scene.Group.State is GroupState.Stable or GroupState.Empty ? epoch : _writtenEpoch;
        if (!isConsumerGroup)
        {
            return;
        }

        foreach (ConsumerMemberDescription member in _scene.Describe().Members.Where(each => each.MemberEpoch != -2))
        {
            Assert.True(member.MemberEpoch >= _memberEpochs.GetValueOrDefault(member.Member.MemberId));
            Assert.True(member.MemberEpoch <= epoch);
            _memberEpochs[member.Member.MemberId] = member.MemberEpoch;
        }
    }

    private void Note(string what) => _events.Add(what);
}

/// <summary>What becomes of a request.</summary>
internal enum Fate
{
    Delivered,
    RequestLost,
    AnswerLost,
    Repeated,
    CoordinatorDiesBeforeWriting,
    CoordinatorDiesAfterWriting,
}
