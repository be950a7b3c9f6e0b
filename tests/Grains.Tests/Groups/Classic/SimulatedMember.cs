using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>What a client is about to do.</summary>
internal enum MemberPhase
{
    /// <summary>To join.</summary>
    Out,

    /// <summary>To wait for the answer to its join.</summary>
    Joining,

    /// <summary>To ask for its assignment.</summary>
    Joined,

    /// <summary>To wait for its assignment.</summary>
    Syncing,

    /// <summary>To read, heartbeat and commit.</summary>
    Stable,
}

/// <summary>A client of the classic protocol, as far as the coordinator can see it.</summary>
internal sealed class SimulatedMember(string? instance)
{
    public string? Instance => instance;

    public string MemberId { get; private set; } = "";

    public int Generation { get; private set; } = -1;

    /// <summary>The last generation in which it had an assignment.</summary>
    public int AssignedGeneration { get; set; } = -1;

    public MemberPhase Phase { get; private set; }

    /// <summary>What it waits for; null when the answer is lost already.</summary>
    public long? Ticket { get; private set; }

    /// <summary>The members that it assigns to, when it leads.</summary>
    public List<string> Led { get; private set; } = [];

    /// <summary>Its request is on the way.</summary>
    public void Parked(long? ticket)
    {
        Ticket = ticket;
        Phase = Phase == MemberPhase.Joined ? MemberPhase.Syncing : MemberPhase.Joining;
    }

    /// <summary>No answer comes any more: it asks again.</summary>
    public void ConnectionLost()
    {
        Phase = Phase switch
        {
            MemberPhase.Joining => MemberPhase.Out,
            MemberPhase.Syncing => MemberPhase.Joined,
            _ => Phase,
        };
    }

    public void TakeJoin(GroupJoinReply reply)
    {
        if (reply.Error == (short)ErrorCode.MemberIdRequired)
        {
            MemberId = reply.MemberId;
            Phase = MemberPhase.Out;
            return;
        }

        if (reply.Error != 0)
        {
            Take((ErrorCode)reply.Error);
            return;
        }

        MemberId = reply.MemberId;
        Generation = reply.Generation;
        Led = reply.SkipAssignment ? [] : [.. reply.Members.Select(each => each.Member.MemberId).Order(StringComparer.Ordinal)];
        Phase = MemberPhase.Joined;
    }

    public void TakeSync(GroupSyncReply reply)
    {
        Phase = MemberPhase.Stable;
        Take((ErrorCode)reply.Error);
    }

    /// <summary>What clients do on an error: join again, under another id when theirs is unknown.</summary>
    public void Take(ErrorCode error)
    {
        switch (error)
        {
            case ErrorCode.None:
                break;
            case ErrorCode.RebalanceInProgress:
                Phase = MemberPhase.Out;
                break;
            default:
                MemberId = "";
                Phase = MemberPhase.Out;
                break;
        }
    }
}
