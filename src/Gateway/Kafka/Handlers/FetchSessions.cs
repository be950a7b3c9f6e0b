using System.Security.Cryptography;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// The fetch sessions of this broker (KIP-227), at most <c>max.incremental.fetch.session.cache.slots</c>. A client that
/// gets none sends full requests, which always works.
/// </summary>
internal sealed class FetchSessions(BrokerView broker, TimeProvider clock)
{
    private const int Full = 0;
    private const int FullWithoutSession = -1;

    /// <summary>Only a session that was not used for so long makes room for another, as in Kafka.</summary>
    private static readonly TimeSpan IdleMin = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, FetchSession> _sessions = [];

    /// <summary>
    /// Finds what session a request belongs to. A request that tells changes only becomes the full request it stands
    /// for.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="byTopicIds">Whether its version names topics by id.</param>
    /// <param name="completion">What becomes of its answer; null when there is no session and none is wanted.</param>
    public ErrorCode Begin(FetchRequest request, bool byTopicIds, out Action<FetchResponse>? completion)
    {
        completion = null;
        if (request.SessionEpoch is Full or FullWithoutSession)
        {
            if (request.SessionId != 0)
            {
                Remove(request.SessionId);
            }

            if (request.SessionEpoch == Full && request.Topics.Count > 0)
            {
                completion = response => Open(request, byTopicIds, response);
            }

            return ErrorCode.None;
        }

        return Continue(request, byTopicIds, out completion);
    }

    private ErrorCode Continue(FetchRequest request, bool byTopicIds, out Action<FetchResponse>? completion)
    {
        completion = null;
        FetchSession? session;
        lock (_lock)
        {
            _sessions.TryGetValue(request.SessionId, out session);
        }

        if (session is null)
        {
            return ErrorCode.FetchSessionIdNotFound;
        }

        if (session.ByTopicIds != byTopicIds)
        {
            return ErrorCode.FetchSessionTopicIdError;
        }

        ErrorCode error = session.Continue(request, clock.GetTimestamp(), out bool isEmpty);
        if (error != ErrorCode.None)
        {
            return error;
        }

        if (isEmpty)
        {
            Remove(session.Id);
            return ErrorCode.None;
        }

        completion = response =>
        {
            session.LeaveOutKnown(response);
            response.SessionId = session.Id;
        };
        return ErrorCode.None;
    }

    private void Open(FetchRequest request, bool byTopicIds, FetchResponse response)
    {
        long now = clock.GetTimestamp();
        FetchSession session;
        lock (_lock)
        {
            if (_sessions.Count >= broker.Settings.FetchSessionsMax && !TryMakeRoom(now))
            {
                return;
            }

            session = new FetchSession(NewId(), byTopicIds);
            session.Begin(request, response, now);
            _sessions.Add(session.Id, session);
        }

        response.SessionId = session.Id;
    }

    private bool TryMakeRoom(long now)
    {
        FetchSession? oldest = _sessions.Values.MinBy(session => session.LastUsed);
        return oldest is not null
            && clock.GetElapsedTime(oldest.LastUsed, now) >= IdleMin
            && _sessions.Remove(oldest.Id);
    }

    private void Remove(int id)
    {
        lock (_lock)
        {
            _sessions.Remove(id);
        }
    }

    private int NewId()
    {
        int id;
        do
        {
            id = RandomNumberGenerator.GetInt32(1, int.MaxValue);
        }
        while (_sessions.ContainsKey(id));

        return id;
    }
}
