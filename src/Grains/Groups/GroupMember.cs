namespace Orleans.Kafka.Grains.Groups;

/// <summary>A member of a group of the classic protocol.</summary>
internal sealed class GroupMember
{
    /// <summary>The member id. A static member that comes back gets a new one.</summary>
    public required string Id { get; set; }

    /// <summary>group.instance.id; null for a dynamic member.</summary>
    public string? InstanceId { get; init; }

    /// <summary>The client's own name.</summary>
    public required string ClientId { get; set; }

    /// <summary>Where the client is.</summary>
    public required string ClientHost { get; set; }

    /// <summary>session.timeout.ms</summary>
    public required int SessionTimeoutMs { get; set; }

    /// <summary>How long others wait for this member to join again.</summary>
    public required int RebalanceTimeoutMs { get; set; }

    /// <summary>What the member can do, what it likes best first.</summary>
    public required GroupProtocol[] Protocols { get; set; }

    /// <summary>What it got from the leader.</summary>
    public byte[] Assignment { get; set; } = [];

    /// <summary>Its JoinGroup that waits for an answer.</summary>
    public long? JoinTicket { get; set; }

    /// <summary>Its SyncGroup that waits for an answer.</summary>
    public long? SyncTicket { get; set; }

    /// <summary>It has not seen the end of a join phase yet.</summary>
    public bool IsNew { get; set; }

    /// <summary>It joined this generation and has not asked for its assignment yet.</summary>
    public bool OwesSync { get; set; }

    /// <summary>When it is given up, on the forward clock. Does not count while it waits for an answer.</summary>
    public long SessionDeadline { get; set; }

    /// <summary>Who it is.</summary>
    public GroupIdentity Identity => new() { MemberId = Id, InstanceId = InstanceId };

    /// <summary>
    /// A member that waits for an answer has no reason to send heartbeats. One whose very first join is parked may be
    /// gone for good without ever having known its id, so its time does run.
    /// </summary>
    public bool IsSessionRunning => IsNew || (JoinTicket is null && SyncTicket is null);

    /// <summary>Its words on a protocol; empty when it does not know it.</summary>
    public byte[] MetadataOf(string? protocol) =>
        Array.Find(Protocols, each => each.Name == protocol)?.Metadata ?? [];

    /// <summary>True when a join says what is known already.</summary>
    public bool HasSameProtocols(GroupProtocol[] protocols) =>
        protocols.Length == Protocols.Length &&
        protocols.Zip(Protocols).All(pair =>
            pair.First.Name == pair.Second.Name && pair.First.Metadata.AsSpan().SequenceEqual(pair.Second.Metadata));
}
