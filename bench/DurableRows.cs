namespace Orleans.Kafka.Bench;

/// <summary>
/// Acknowledged means on disk: as many partitions as there are wait for one flush. Each side has one topic for all rows,
/// and nothing is deleted before the last of them is measured: what a disk has to do for deleted files (on one mounted
/// with <c>discard</c>: tell the device of every piece, which then has to find room for it anew) slows flushes for many
/// seconds, and the more so the more files there were.
/// </summary>
internal static class DurableRows
{
    private const int PartitionsMax = 64;

    // What is written stays until the end. With all runs, rows and sides this makes some ten gigabytes.
    private const int MaxBytesPerRun = 300_000_000;

    /// <summary>The floor writes all partitions to one file and flushes that: no broker with files of its own can.</summary>
    public static void Run(Session session) => Run(session, topics =>
    {
        Throughput(session, topics, 1, "", "0.17 x floor");
        Throughput(session, topics, 16, "", "0.08 x floor");
        Throughput(session, topics, PartitionsMax, "", "0.09 x floor");
        const string Name = "durable ack at 1,000 msg/s, open loop";
        session.Measure("durable", session.Options.Runs,
            driver => Settled(driver, driver.Run("latency", ("topic", topics.Of(driver)), ("rate", 1_000),
                ("seconds", session.Options.LatencySeconds), ("warmup", 0.5))),
            new Column(Name, "p50 us", "p50_us", null, "479"),
            new Column(Name, "p99 us", "p99_us", null, "1,524"));
    });

    /// <summary>The floor has a file for each partition, as a log of Kafka's form must, and flushes them as a group.</summary>
    public static void RunWithFileForEachPartition(Session session) => Run(session, topics =>
    {
        Throughput(session, topics, 16, ", own files", "");
        Throughput(session, topics, PartitionsMax, ", own files", "");
    });

    private static void Run(Session session, Action<Topics> measure)
    {
        // A broker that does not know our setting gets there by flushing after each batch.
        var topics = new Topics(session.Options.External is null ? "" : "flush.messages=1");
        measure(topics);
        topics.Delete();
    }

    private static void Throughput(Session session, Topics topics, int partitions, string floor, string kafka)
    {
        var name = $"durable acks, 16-KiB batches, {partitions} partition{(partitions > 1 ? "s" : "")}{floor}";
        session.Measure("durable", RunsOf(session),
            driver => Settled(driver, Produce(driver, topics.Of(driver), partitions, session.Options.Seconds)),
            new Column(name, "MB/s", "mb_s", Goal.FloorShare(0.8), kafka),
            new Column(name, "CPU ms/MB", "cpu_ms_mb"));
    }

    // Disks are less even than processors: more runs, of which the median counts.
    private static int RunsOf(Session session) => session.Options.Runs > 1 ? session.Options.Runs + 4 : 1;

    private static Figures Produce(Driver driver, string topic, int partitions, double seconds) =>
        driver.Run("produce", ("topic", topic), ("partitions", partitions), ("record-bytes", 1_024),
            ("batch-bytes", 16_384), ("depth", 5), ("acks", -1), ("seconds", seconds), ("warmup", seconds / 5),
            ("max-bytes", MaxBytesPerRun));

    private static void WarmUp(Driver driver, string topic)
    {
        for (var pass = 0; pass < 2; pass++)
        {
            foreach (var partitions in (ReadOnlySpan<int>)[1, PartitionsMax])
            {
                Settled(driver, Produce(driver, topic, partitions, 0.8));
            }

            driver.Run("latency", ("topic", topic), ("rate", 1_000), ("seconds", 0.5), ("warmup", 0));
            Machine.WaitForQuietProcess(driver.Server.ProcessId);
        }
    }

    private static Figures Settled(Driver driver, Figures figures)
    {
        Machine.SettleDisk();
        driver.Server.ForgetPages();
        return figures;
    }

    /// <summary>One topic for each side, warmed up.</summary>
    private sealed class Topics(string configs)
    {
        private readonly Dictionary<Driver, string> _names = [];

        public string Of(Driver driver)
        {
            if (!_names.TryGetValue(driver, out var topic))
            {
                _names[driver] = topic = driver.CreateTopic(PartitionsMax, configs);
                WarmUp(driver, topic);
            }

            return topic;
        }

        public void Delete()
        {
            foreach (var (driver, topic) in _names)
            {
                driver.DeleteTopic(topic);
            }
        }
    }
}
