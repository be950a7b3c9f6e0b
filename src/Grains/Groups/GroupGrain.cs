using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>
/// The shell around a <see cref="Group"/>: brings it requests and time, writes its records, then gives its answers.
/// </summary>
/// <remarks>
/// Reentrant, because joins wait for other members' joins and appends should not hold up each other. That is safe: the
/// state is in the group alone, every event is handled to its end without an await, and answers wait for the records of
/// all events before them. When an append fails nobody knows what is in the log, so the activation ends without another
/// word, and the next one reads.
/// </remarks>
[BrokerPlacement, GrainDirectory(BrokerGrainDirectory.Name), KeepAlive, Reentrant]
internal sealed partial class GroupGrain(
    GroupCoordinator coordinator, TimeProvider clock, ILogger<GroupGrain> logger) : Grain, IGroupGrain
{
    /// <summary>So many lost members are named in the log at a time.</summary>
    private const int LostNamed = 5;

    /// <summary>So often a group in which somebody waits looks whether it is still coordinated here.</summary>
    private const long LookMs = 1_000;

    private static readonly GrainTimerCreationOptions Disarmed =
        new(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) { Interleave = true };

    private readonly Dictionary<long, TaskCompletionSource<GroupJoinReply>> _joins = [];
    private readonly Dictionary<long, TaskCompletionSource<GroupSyncReply>> _syncs = [];
    private OffsetsPartition _partition = null!;
    private Group _group = null!;
    private IGrainTimer _timer = null!;
    private Task _written = Task.CompletedTask;
    private long _armedFor = Group.Never;
    private long _lastTicket;
    private ErrorCode _failure;

    private GroupTime Now => GroupTime.Of(clock);

    /// <summary>A partition that is not this activation's any more must not be written, nor believed.</summary>
    private bool IsUsable => _failure == ErrorCode.None && _partition.IsCurrent;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        string id = GroupKey.GroupOf(this.GetPrimaryKeyString());
        (_partition, GroupImage image) = await coordinator.ClaimAsync(id);
        _group = new Group(id, () => coordinator.Settings, coordinator.NewId, () => coordinator.Metadata);
        _group.Load(image, Now);
        _timer = this.RegisterGrainTimer(OnTimerAsync, Disarmed);
        Arm();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        RefuseAll(ErrorCode.NotCoordinator);

        // The next activation reads the log: nothing of this one may come after that.
        await _written;
        if (_group is { IsIdle: true } && _failure == ErrorCode.None)
        {
            _partition.Show(_group.Id, null);
            _partition.Release(_group.Id);
        }
    }

    public async Task<GroupJoinReply> JoinAsync(GroupJoin join)
    {
        if (!IsUsable)
        {
            Fail(ErrorCode.NotCoordinator);
            return new GroupJoinReply { Error = (short)ErrorCode.NotCoordinator, MemberId = join.Member.MemberId };
        }

        long ticket = ++_lastTicket;
        var answer = new TaskCompletionSource<GroupJoinReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _joins[ticket] = answer;
        Handle(() => _group.Join(ticket, join, Now));
        await SettleAsync();
        return await UnlessStoppedAsync(
            answer.Task, new GroupJoinReply { Error = (short)ErrorCode.NotCoordinator, MemberId = join.Member.MemberId });
    }

    public async Task<GroupSyncReply> SyncAsync(GroupSync sync)
    {
        if (!IsUsable)
        {
            Fail(ErrorCode.NotCoordinator);
            return new GroupSyncReply { Error = (short)ErrorCode.NotCoordinator };
        }

        long ticket = ++_lastTicket;
        var answer = new TaskCompletionSource<GroupSyncReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _syncs[ticket] = answer;
        Handle(() => _group.Sync(ticket, sync, Now));
        await SettleAsync();
        return await UnlessStoppedAsync(answer.Task, new GroupSyncReply { Error = (short)ErrorCode.NotCoordinator });
    }

    public Task<short> HeartbeatAsync(GroupIdentity member, int generation)
    {
        if (!IsUsable)
        {
            Fail(ErrorCode.NotCoordinator);
            return Task.FromResult((short)ErrorCode.NotCoordinator);
        }

        if (_group.IsConsumerGroup)
        {
            // In such a group a heartbeat may lead to a new assignment.
            return DoAsync(() => (short)_group.Heartbeat(member, generation, Now), error => (short)error);
        }

        short error = (short)_group.Heartbeat(member, generation, Now);
        LeaveIfIdle();
        return Task.FromResult(error);
    }

    public Task<short[]> LeaveAsync(GroupIdentity[] members) => DoAsync(
        () => Array.ConvertAll(members, member => (short)_group.Leave(member, Now)),
        error => Array.ConvertAll(members, _ => (short)error));

    public Task<short[]> CommitAsync(GroupCommit commit) => DoAsync(
        () => _group.Commit(commit, Now),
        error => Array.ConvertAll(commit.Offsets, _ => (short)error));

    public Task<GroupOffset[]> FetchOffsetsAsync(GroupPartitionName[]? wanted) => DoAsync(
        () => _group.FetchOffsets(wanted),
        error => throw new InvalidOperationException($"the group cannot be read: {error}"));

    public Task<GroupFetchReply> FetchMemberOffsetsAsync(GroupFetch fetch) => DoAsync(
        () => _group.FetchOffsets(fetch),
        error => new GroupFetchReply { Error = (short)error });

    public Task<ConsumerHeartbeatReply> ConsumerHeartbeatAsync(ConsumerHeartbeat heartbeat) => DoAsync(
        () => _group.ConsumerHeartbeat(heartbeat, Now),
        error => HeartbeatChecks.Refused(error, null));

    public Task<ConsumerGroupDescription?> DescribeConsumersAsync() => DoAsync(
        () => _group.DescribeConsumers(),
        error => throw new InvalidOperationException($"the group cannot be read: {error}"));

    public Task<GroupOffsetDeletion> DeleteOffsetsAsync(GroupPartitionName[] partitions) => DoAsync(
        () => _group.DeleteOffsets(partitions),
        error => new GroupOffsetDeletion { Error = (short)error });

    public Task<GroupDescription?> DescribeAsync() => DoAsync(
        () => _group.Describe(),
        error => throw new InvalidOperationException($"the group cannot be read: {error}"));

    public Task<short> DeleteAsync() => DoAsync(() => (short)_group.Delete(), error => (short)error);

    public Task ForgetTopicAsync(string name, Guid topicId) => DoAsync(
        () =>
        {
            _group.ForgetTopic(name, topicId);
            return true;
        },
        _ => false);

    public Task ExpireOffsetsAsync() => DoAsync(
        () =>
        {
            _group.ExpireOffsets(Now);
            return true;
        },
        _ => false);

    /// <summary>
    /// What waits for other members is let go when the broker stops: no activation ends, and no silo, while a call runs.
    /// </summary>
    private async Task<T> UnlessStoppedAsync<T>(Task<T> answer, T refusal)
    {
        await Task.WhenAny(answer, coordinator.Stopping);
        return answer.IsCompleted ? await answer : refusal;
    }

    /// <summary>One event from its handling to the moment when its outcome may be told.</summary>
    private async Task<T> DoAsync<T>(Func<T> handle, Func<ErrorCode, T> refuse)
    {
        if (!IsUsable)
        {
            Fail(ErrorCode.NotCoordinator);
            return refuse(ErrorCode.NotCoordinator);
        }

        T outcome = default!;
        Handle(() => outcome = handle());
        await SettleAsync();
        return _failure == ErrorCode.None ? outcome : refuse(_failure);
    }

    private void Handle(Action handle)
    {
        try
        {
            handle();
        }
        catch
        {
            // The event was not handled to its end: what is in memory is not to be believed any more.
            Fail(ErrorCode.NotCoordinator);
            throw;
        }
    }

    private Task SettleAsync()
    {
        GroupEffects effects = _group.TakeEffects();
        _partition.Show(_group.Id, _group.Listing);
        Arm();
        Tell(effects.Lost);
        if (effects.Records.Count == 0 && _written.IsCompleted)
        {
            Answer(effects);
            LeaveIfIdle();
            return Task.CompletedTask;
        }

        return _written = FinishAsync(_written, effects);
    }

    private void Tell(List<LostMember> lost)
    {
        foreach (LostMember each in lost.Take(LostNamed))
        {
            LogLost(logger, _group.Id, each.MemberId, each.ClientId, each.ClientHost, each.Reason);
        }

        if (lost.Count > LostNamed)
        {
            LogMoreLost(logger, _group.Id, lost.Count - LostNamed);
        }
    }

    private async Task FinishAsync(Task before, GroupEffects effects)
    {
        Task<ErrorCode> append = effects.Records.Count == 0
            ? Task.FromResult(ErrorCode.None)
            : _partition.AppendAsync(effects.Records, Now.UnixMs);
        await before;
        ErrorCode error;
        try
        {
            error = await append;
        }
        catch (Exception exception)
        {
            // All that comes after waits for this: it must end, and in a way that lets the next activation begin.
            LogCannotWrite(logger, _group.Id, exception);
            error = ErrorCode.NotCoordinator;
        }

        if (error != ErrorCode.None)
        {
            Fail(error is ErrorCode.MessageTooLarge or ErrorCode.RecordListTooLarge
                ? ErrorCode.UnknownServerError
                : ErrorCode.NotCoordinator);
        }

        Answer(effects);
        LeaveIfIdle();
    }

    private void Answer(GroupEffects effects)
    {
        if (_failure != ErrorCode.None)
        {
            return;
        }

        foreach ((long ticket, GroupJoinReply reply) in effects.Joins)
        {
            if (_joins.Remove(ticket, out TaskCompletionSource<GroupJoinReply>? answer))
            {
                answer.SetResult(reply);
            }
        }

        foreach ((long ticket, GroupSyncReply reply) in effects.Syncs)
        {
            if (_syncs.Remove(ticket, out TaskCompletionSource<GroupSyncReply>? answer))
            {
                answer.SetResult(reply);
            }
        }
    }

    private void Fail(ErrorCode error)
    {
        if (_failure == ErrorCode.None)
        {
            _failure = error;
            _timer.Dispose();
            RefuseAll(error);
            DeactivateOnIdle();
        }
    }

    private void RefuseAll(ErrorCode error)
    {
        foreach (TaskCompletionSource<GroupJoinReply> answer in _joins.Values)
        {
            answer.TrySetResult(new GroupJoinReply { Error = (short)error });
        }

        foreach (TaskCompletionSource<GroupSyncReply> answer in _syncs.Values)
        {
            answer.TrySetResult(new GroupSyncReply { Error = (short)error });
        }

        _joins.Clear();
        _syncs.Clear();
    }

    private void LeaveIfIdle()
    {
        if (_group.IsIdle && _failure == ErrorCode.None && _written.IsCompleted)
        {
            DeactivateOnIdle();
        }
    }

    private void Arm()
    {
        long next = _group.NextTick;
        if (_joins.Count + _syncs.Count > 0)
        {
            long now = Now.ElapsedMs;
            next = Math.Min(next, _armedFor > now ? Math.Min(_armedFor, now + LookMs) : now + LookMs);
        }

        if (next == _armedFor || _failure != ErrorCode.None)
        {
            return;
        }

        _armedFor = next;
        _timer.Change(
            next == Group.Never
                ? Timeout.InfiniteTimeSpan
                : TimeSpan.FromMilliseconds(Math.Max(1, next - Now.ElapsedMs)),
            Timeout.InfiniteTimeSpan);
    }

    private Task OnTimerAsync(CancellationToken cancellationToken)
    {
        _armedFor = Group.Never;
        if (!IsUsable)
        {
            Fail(ErrorCode.NotCoordinator);
            return Task.CompletedTask;
        }

        Handle(() => _group.Tick(Now));
        return SettleAsync();
    }

    [LoggerMessage(3321, LogLevel.Information,
        "group {Group} gives up member {Member} of client {Client} at {Host}: {Reason}")]
    private static partial void LogLost(
        ILogger logger, string group, string member, string client, string host, string reason);

    [LoggerMessage(3323, LogLevel.Error, "group {Group} cannot be written, and is read again")]
    private static partial void LogCannotWrite(ILogger logger, string group, Exception exception);

    [LoggerMessage(3322, LogLevel.Information, "group {Group} gives up {Count} more members")]
    private static partial void LogMoreLost(ILogger logger, string group, int count);
}
