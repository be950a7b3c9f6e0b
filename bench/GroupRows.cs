namespace Orleans.Kafka.Bench;

/// <summary>Consumer groups of the classic protocol: joining, committing, and doing nothing.</summary>
internal static class GroupRows
{
    /// <summary>As many as the driver's topics can have; members beyond have nothing to read.</summary>
    private const int Partitions = 50;

    public static void Run(Session session)
    {
        Join(session, 1, Goal.NoMoreThan(50));
        Join(session, 100, null);
        Commits(session, 1);
        Commits(session, 1_000);
        Heartbeats(session, 10_000);
    }

    /// <summary>A new group each time. In the broker's first one its code is compiled, so the median is of the later ones.</summary>
    private static void Join(Session session, int members, Goal? goal)
    {
        var name = $"join to first record, group of {members:#,0}";
        session.Measure("groups", Math.Max(session.Options.Runs, 5),
            driver => driver.WithTopic(Partitions, topic =>
            {
                driver.Run("requests", ("topic", topic), ("partitions", Partitions), ("connections", Partitions),
                    ("depth", 1), ("seconds", 0.01), ("warmup", 0));
                return driver.Run("join", ("topic", topic), ("partitions", Partitions), ("connections", members),
                    ("members", members));
            }),
            new Column(name, "ms", "join_ms", goal));
    }

    private static void Commits(Session session, int members)
    {
        var name = $"commits, one group of {members:#,0}, each waits for its answer";
        session.Measure("groups", session.Options.Runs,
            driver => driver.WithTopic(1, topic => driver.Run("commits", ("topic", topic), ("partitions", 1),
                ("connections", members), ("members", members), ("seconds", session.Options.Seconds),
                ("warmup", session.Options.Seconds / 5))),
            new Column(name, "commits/s", "commits_s"),
            new Column(name, "CPU us/commit", "cpu_us_commit"));
    }

    /// <summary>Groups of ten; a heartbeat every three seconds is what clients do unless told otherwise.</summary>
    private static void Heartbeats(Session session, int members)
    {
        var name = $"{members:#,0} members at rest";
        session.Measure("groups", 1,
            driver => driver.WithTopic(1, topic => driver.Run("heartbeats", ("topic", topic), ("partitions", 1),
                ("connections", members), ("members", 10), ("seconds", 3), ("warmup", 3))),
            new Column(name, "% of a core", "cpu_percent"),
            new Column(name, "CPU us/heartbeat", "cpu_us_heartbeat"));
    }
}
