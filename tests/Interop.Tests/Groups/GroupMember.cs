using System.Globalization;

namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>A partition that a member had, from when to when.</summary>
internal sealed record Ownership(GroupMember Member, int Partition, DateTime From)
{
    /// <summary>When it was given up, or when its member ended; null while it lasts.</summary>
    public DateTime? Until { get; set; }
}

/// <summary>A client that runs as a member of a group, and what it has said of itself (clients/member.py).</summary>
internal sealed class GroupMember : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Ownership> _ownerships = [];
    private readonly List<(int Partition, long Offset)> _read = [];
    private readonly Dictionary<int, long> _committed = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Client _client;
    private readonly ClientRun _run;

    private GroupMember(Client client, string[] arguments)
    {
        _client = client;
        _run = ClientRun.Start(client, Hear, arguments);
    }

    /// <summary>What it had, in the order in which it was assigned.</summary>
    public List<Ownership> Ownerships
    {
        get
        {
            lock (_lock)
            {
                return [.. _ownerships];
            }
        }
    }

    /// <summary>The partitions that it has now.</summary>
    public List<int> Owned => [.. Ownerships.Where(each => each.Until is null).Select(each => each.Partition).Order()];

    /// <summary>What it has read, perhaps more than once.</summary>
    public List<(int Partition, long Offset)> Read
    {
        get
        {
            lock (_lock)
            {
                return [.. _read];
            }
        }
    }

    /// <summary>The last offset that it was told to be committed, by partition.</summary>
    public Dictionary<int, long> Committed
    {
        get
        {
            lock (_lock)
            {
                return new Dictionary<int, long>(_committed);
            }
        }
    }

    /// <summary>Starts a member.</summary>
    /// <param name="client">Which client it is.</param>
    /// <param name="group">Where and what it reads, and how.</param>
    /// <param name="instance">The instance id of a static member.</param>
    public static GroupMember Start(Client client, GroupUnderTest group, string? instance = null) => new(
        client,
        [
            "member", group.Bootstrap, group.Topic, group.Id, group.Strategy,
            group.SessionTimeout.TotalMilliseconds.ToString(CultureInfo.InvariantCulture),
            .. instance is null ? Array.Empty<string>() : [instance],
        ]);

    /// <summary>Lets the member leave, and waits until it is gone.</summary>
    public async Task StopAsync()
    {
        await _started.Task.WaitAsync(TimeSpan.FromSeconds(30));
        _run.AskToStop();
        await _run.FinishAsync();
        End(DateTime.UtcNow, _ => true);
    }

    /// <summary>Ends the member without a word (SIGKILL).</summary>
    public async Task KillAsync()
    {
        DateTime now = DateTime.UtcNow;
        await _run.KillAsync();
        End(now, _ => true);
    }

    public override string ToString() =>
        $"{_client}, {(_run.HasExited ? "gone" : "alive")}, has {string.Join(',', Owned)}, read {Read.Count}\n{_run.Errors()}";

    public void Dispose() => _run.Dispose();

    private static DateTime Time(string nanoseconds) =>
        DateTime.UnixEpoch.AddTicks(long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 100);

    private void Hear(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        lock (_lock)
        {
            switch (words[0])
            {
                case "started":
                    _started.SetResult();
                    break;
                case "assigned":
                    _ownerships.AddRange(
                        words[2..].Select(each => new Ownership(this, int.Parse(each, null), Time(words[1]))));
                    break;
                case "revoked" or "lost":
                    End(Time(words[1]), each => words[2..].Contains(each.Partition.ToString(null, null)));
                    break;
                case "read":
                    _read.Add((int.Parse(words[1], null), long.Parse(words[2], null)));
                    break;
                case "committed":
                    _committed[int.Parse(words[1], null)] = long.Parse(words[2], null);
                    break;
            }
        }
    }

    private void End(DateTime time, Func<Ownership, bool> isMeant)
    {
        lock (_lock)
        {
            foreach (Ownership each in _ownerships.Where(each => each.Until is null && isMeant(each)))
            {
                each.Until = time;
            }
        }
    }
}
