using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>A client in a random history: what it believes.</summary>
internal abstract class HistoryClient(ConsumerScene scene, string name)
{
    public string Name => name;

    public string MemberId { get; protected set; } = "";

    public int Epoch { get; protected set; }

    public string[] Topics { get; private set; } = [];

    /// <summary>What it reads from, as <c>topic/partition</c>; with what it was told to give up and has not yet.</summary>
    public HashSet<string> Owned { get; protected set; } = [];

    protected ConsumerScene Scene => scene;

    /// <summary>It does nothing of its own accord any more but follow its protocol.</summary>
    public bool IsCalm { get; set; }

    /// <summary>One step of its protocol.</summary>
    public abstract void Act(Fate fate);

    /// <summary>Gives everything up and says so.</summary>
    public abstract void Leave(Fate fate);

    /// <summary>What it waits for will never come.</summary>
    public virtual void OnCoordinatorGone()
    {
    }

    public virtual void Subscribe(string[] topics) => Topics = topics;

    public override string ToString() => $"{name} {MemberId} at {Epoch} with {string.Join(' ', Owned.Order())}";

    /// <summary>Sends a request; false when no answer comes.</summary>
    protected bool TrySend<T>(Fate fate, Func<T> send, out T? reply)
    {
        reply = default;
        if (fate == Fate.RequestLost)
        {
            return false;
        }

        int written = scene.Log.Count;
        reply = send();
        switch (fate)
        {
            case Fate.Repeated:
                OnAnswerLost();
                reply = send();
                return true;
            case Fate.CoordinatorDiesBeforeWriting:
                scene.Log.RemoveRange(written, scene.Log.Count - written);
                scene.Restart();
                break;
            case Fate.CoordinatorDiesAfterWriting:
                scene.Restart();
                break;
            case Fate.AnswerLost:
                break;
            default:
                return true;
        }

        OnAnswerLost();
        return false;
    }

    /// <summary>What was to be heard but once may have been said.</summary>
    protected virtual void OnAnswerLost()
    {
    }
}

/// <summary>A client of the consumer protocol.</summary>
internal sealed class ConsumerClient : HistoryClient
{
    private readonly Random _random;
    private HashSet<string> _assigned = [];
    private bool _isChanged;
    private bool _isUnsure;

    public ConsumerClient(ConsumerScene scene, string name, Random random)
        : base(scene, name)
    {
        _random = random;
        MemberId = name;
    }

    public override void Subscribe(string[] topics)
    {
        base.Subscribe(topics);
        _isChanged = true;
    }

    public override void Act(Fate fate)
    {
        // What is to go goes at once or some time later; what is new is taken when that is done. After an answer was
        // lost nothing is: the coordinator cannot know that its word was not heard.
        if (_random.Next(3) != 0)
        {
            Owned.IntersectWith(_assigned);
            Owned.UnionWith(_isUnsure ? [] : _assigned);
        }

        if (!TrySend(fate, () => Scene.Send(NextRequest()), out ConsumerHeartbeatReply? reply))
        {
            return;
        }

        switch ((ErrorCode)reply!.Error)
        {
            case ErrorCode.None:
                _isChanged = false;
                _isUnsure = false;
                Epoch = reply.MemberEpoch;
                if (reply.Assignment is { } assignment)
                {
                    _assigned = [.. Member.Names(assignment)];
                }

                break;
            case ErrorCode.UnknownMemberId or ErrorCode.FencedMemberEpoch or ErrorCode.GroupIdNotFound:
                Abandon();
                break;
            default:
                throw new InvalidOperationException($"{Name} hears {(ErrorCode)reply.Error}: {reply.Message}");
        }
    }

    public override void Leave(Fate fate)
    {
        Abandon();
        TrySend(fate, () => Scene.Leave(MemberId), out _);
    }

    protected override void OnAnswerLost() => _isChanged = _isUnsure = true;

    private ConsumerHeartbeat NextRequest() => Epoch == 0
        ? ConsumerScene.Joining(MemberId) with { Topics = Topics }
        : ConsumerScene.Beating(MemberId, Epoch) with
        {
            Owned = Member.Partitions(Owned),
            Topics = _isChanged ? Topics : null,
            RebalanceTimeoutMs = _isChanged ? 30_000 : -1,
        };

    private void Abandon()
    {
        Owned.Clear();
        _assigned = [];
        _isUnsure = false;
        Epoch = 0;
    }
}

/// <summary>
/// A static client of the consumer protocol: its process ends now and then, says that it will be back or does not, and
/// comes back under another member id.
/// </summary>
internal sealed class StaticClient : HistoryClient
{
    private readonly Random _random;
    private HashSet<string> _assigned = [];
    private int _lives;
    private bool _isUnsure;

    public StaticClient(ConsumerScene scene, string name, Random random)
        : base(scene, name)
    {
        _random = random;
        MemberId = name;
    }

    public override void Act(Fate fate)
    {
        if (!IsCalm && _random.Next(12) == 0)
        {
            StartAgain(fate);
            return;
        }

        Owned.IntersectWith(_assigned);
        Owned.UnionWith(_isUnsure ? [] : _assigned);
        if (!TrySend(fate, () => Scene.Send(NextRequest()), out ConsumerHeartbeatReply? reply))
        {
            return;
        }

        switch ((ErrorCode)reply!.Error)
        {
            case ErrorCode.None:
                _isUnsure = false;
                Epoch = reply.MemberEpoch;
                _assigned = [.. Member.Names(reply.Assignment!)];
                break;
            case ErrorCode.UnknownMemberId or ErrorCode.FencedMemberEpoch or ErrorCode.GroupIdNotFound:
                Abandon();
                break;
            case ErrorCode.UnreleasedInstanceId:
                // Its former self has not been given up yet.
                break;
            default:
                throw new InvalidOperationException($"{Name} hears {(ErrorCode)reply.Error}: {reply.Message}");
        }
    }

    public override void Leave(Fate fate)
    {
        Abandon();
        TrySend(fate, () => Scene.Leave(MemberId, -1, Name), out _);
    }

    protected override void OnAnswerLost() => _isUnsure = true;

    private void StartAgain(Fate fate)
    {
        Abandon();
        if (_random.Next(2) == 0)
        {
            TrySend(fate, () => Scene.Leave(MemberId, -2, Name), out _);
        }

        MemberId = $"{Name}-{++_lives}";
        _isUnsure = false;
    }

    private ConsumerHeartbeat NextRequest() => ConsumerScene.Joining(MemberId) with
    {
        MemberEpoch = Epoch,
        InstanceId = Name,
        Topics = Topics,
        Owned = Epoch == 0 ? [] : Member.Partitions(Owned),
    };

    private void Abandon()
    {
        Owned.Clear();
        _assigned = [];
        _isUnsure = false;
        Epoch = 0;
    }
}
