namespace Orleans.Kafka.Bench;

/// <summary>The rows in which one driver loads a running server.</summary>
internal static class LoadRows
{
    private const int MaxBytesPerRun = 1_500_000_000;
    private const int PrefillBytes = 256_000_000;

    private static readonly (int Partitions, int RecordBytes, int BatchBytes)[] BulkShapes =
    [
        (1, 100, 65_536), (1, 100, 1_048_576), (1, 1_024, 65_536), (1, 1_024, 1_048_576),
        (8, 100, 65_536), (8, 100, 1_048_576), (8, 1_024, 65_536), (8, 1_024, 1_048_576),
    ];

    public static void Produce(Session session)
    {
        foreach (var (partitions, record, batch) in BulkShapes)
        {
            var name = $"produce, {Shape(partitions, record, batch)}";
            var mega = batch > 65_536 && partitions == 1;
            var small = record < 1_000;
            var rate = new Column(name, "MB/s", "mb_s");
            var cost = small
                ? new Column(name, "CPU us/msg", "cpu_us_msg")
                : new Column(name, "CPU ms/MB", "cpu_ms_mb");
            if (mega)
            {
                rate = rate with
                {
                    Goal = Goal.FloorShare(small ? 0.65 : 0.6),
                    Kafka = small ? "0.32 x floor" : "0.38 x floor",
                };
                cost = cost with { Goal = Goal.FloorTimes(1.7), Kafka = small ? "3.4 x floor" : "2.8 x floor" };
            }

            session.Measure("produce", session.Options.Runs, ProduceOnce, rate, cost);

            Figures ProduceOnce(Driver driver)
            {
                var figures = driver.WithTopic(partitions, topic => driver.Run("produce", ("topic", topic),
                    ("partitions", partitions), ("record-bytes", record), ("batch-bytes", batch), ("depth", 5),
                    ("acks", 1), ("seconds", session.Options.Seconds), ("warmup", session.Options.Seconds / 5),
                    ("max-bytes", MaxBytesPerRun)));
                Machine.WaitForQuietDisk();
                return figures;
            }
        }
    }

    public static void Fetch(Session session)
    {
        foreach (var (partitions, record, batch) in BulkShapes)
        {
            var name = $"fetch, {Shape(partitions, record, batch)}";
            var mega = batch > 65_536 && partitions == 1;
            var topics = new Dictionary<Driver, string>();
            session.Measure("fetch", session.Options.Runs, FetchOnce,
                new Column(name, "MB/s", "mb_s", Goal.FloorShare(0.85), mega ? "0.67 x floor" : ""),
                new Column(name, "CPU ms/MB", "cpu_ms_mb"));
            foreach (var (driver, topic) in topics)
            {
                driver.DeleteTopic(topic);
            }

            // One prefilled topic a side serves all runs, and the sides take turns: filling is not what is measured.
            Figures FetchOnce(Driver driver)
            {
                (string, object)[] shape =
                [
                    ("partitions", partitions), ("record-bytes", record), ("batch-bytes", batch),
                ];
                if (!topics.TryGetValue(driver, out var topic))
                {
                    topics[driver] = topic = driver.CreateTopic(partitions);
                    driver.Run("produce",
                        [("topic", topic), .. shape, ("warmup", 0), ("seconds", 30), ("max-bytes", PrefillBytes)]);
                }

                return driver.Run("fetch",
                    [("topic", topic), .. shape, ("depth", 2), ("fetch-bytes", 1_048_576), ("copy", 1),
                        ("seconds", session.Options.Seconds), ("warmup", session.Options.Seconds / 5)]);
            }
        }
    }

    public static void Requests(Session session)
    {
        (int Depth, Goal Rate, Goal Cpu, string KafkaRate, string KafkaCpu)[] rows =
        [
            (1, Goal.FloorShare(0.6), Goal.NoMoreThan(8), "0.28 x floor", "20.5"),
            (5, Goal.NoLessThan(300_000), Goal.NoMoreThan(3), "0.06 x floor", "17.3"),
        ];
        foreach (var row in rows)
        {
            var name = $"1 record a request, 64 connections, depth {row.Depth}";
            session.Measure("requests", session.Options.Runs,
                driver => driver.WithTopic(1, topic => driver.Run("requests", ("topic", topic), ("connections", 64),
                    ("depth", row.Depth), ("seconds", session.Options.Seconds),
                    ("warmup", session.Options.Seconds / 5))),
                new Column(name, "req/s", "req_s", row.Rate, row.KafkaRate),
                new Column(name, "CPU us/req", "cpu_us_req", row.Cpu, row.KafkaCpu));
        }
    }

    public static void Latency(Session session)
    {
        const string Name = "ack at 1,000 msg/s, open loop";
        session.Measure("latency", session.Options.Runs,
            driver => driver.WithTopic(1, topic => driver.Run("latency", ("topic", topic), ("rate", 1_000),
                ("seconds", session.Options.LatencySeconds), ("warmup", 0.5))),
            new Column(Name, "p50 us", "p50_us", Goal.FloorTimes(1.2), "1.4 x floor"),
            new Column(Name, "p99 us", "p99_us", Goal.FloorTimes(1.2), "1.8 x floor"),
            new Column(Name, "p99.9 us", "p999_us", Goal.FloorTimes(1.2), "1.6 x floor"),
            new Column(Name, "CPU us/msg", "cpu_us_req"));
    }

    public static void LongPolls(Session session)
    {
        var name = $"{session.Options.Polls:#,0} long polls, parked and woken";
        session.Measure("longpoll", 1,
            driver => driver.WithTopic(1, topic => driver.Run("longpoll", ("topic", topic),
                ("connections", session.Options.Polls), ("rounds", session.Options.Runs))),
            new Column(name, "CPU us/poll", "cpu_us_poll", Goal.NoMoreThan(5), "62.5"),
            new Column(name, "ms to wake the last", "wake_last_ms"));
    }

    public static void Connects(Session session)
    {
        const string Name = "connect, ApiVersions, close";
        session.Measure("connect", session.Options.Runs,
            driver => driver.Run("connect", ("connections", 16), ("seconds", session.Options.Seconds),
                ("warmup", session.Options.Seconds / 5)),
            new Column(Name, "conn/s", "conn_s", Goal.NoLessThan(10_000), "3,489"),
            new Column(Name, "CPU us/conn", "cpu_us_conn", Goal.NoMoreThan(80), "275"));
    }

    /// <summary>
    /// Brings a server to speed: a broker's hot code gets compiled for good (the runtime does that in two steps, in the
    /// background), and the machine's memory gets backed by its host before the page cache asks for it.
    /// </summary>
    public static void WarmUp(Driver driver)
    {
        for (var pass = 0; pass < 2; pass++)
        {
            WarmUpOnce(driver);
            Machine.WaitForQuietProcess(driver.Server.ProcessId);
        }
    }

    private static void WarmUpOnce(Driver driver)
    {
        driver.WithTopic(2, topic =>
        {
            driver.Run("produce", ("topic", topic), ("partitions", 2), ("batch-bytes", 65_536), ("seconds", 0.8),
                ("max-bytes", 1_200_000_000));
            return driver.Run("fetch", ("topic", topic), ("partitions", 2), ("batch-bytes", 65_536),
                ("depth", 2), ("copy", 1), ("seconds", 0.3));
        });
        driver.WithTopic(1, topic =>
        {
            driver.Run("requests", ("topic", topic), ("connections", 16), ("depth", 5), ("seconds", 0.8));
            driver.Run("requests", ("topic", topic), ("connections", 16), ("depth", 1), ("seconds", 0.3));
            return driver.Run("longpoll", ("topic", topic), ("connections", 300), ("rounds", 10));
        });
        driver.Run("connect", ("connections", 16), ("seconds", 0.3));
    }

    private static string Shape(int partitions, int record, int batch) =>
        $"{partitions} partition{(partitions > 1 ? "s" : "")}, {(record == 100 ? "100 B" : "1 KiB")}, "
        + $"{(batch == 65_536 ? "64-KiB" : "1-MiB")} batches";
}
