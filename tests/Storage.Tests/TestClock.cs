namespace Orleans.Kafka.Storage.Tests;

/// <summary>A clock that stands until it is moved.</summary>
internal sealed class TestClock : TimeProvider
{
    public long NowMs { get; set; } = Batches.Epoch2026;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);
}

/// <summary>A simulated disk, a clock and what was noticed.</summary>
internal sealed class TestDisk
{
    public const string Directory = "/data/topic-0";

    private LogEnvironment? _environment;
    private int _environments;

    public TestDisk(int seed = 1) => Files = new SimulatedFileSystem(seed);

    public SimulatedFileSystem Files { get; }

    public TestClock Clock { get; } = new();

    public List<StorageNotice> Notices { get; } = [];

    public LogEnvironment Environment => _environment ??= NewEnvironment();

    public LogEnvironment NewEnvironment() =>
        _environment = new LogEnvironment(Files, Clock, new Random(++_environments)) { Notices = Notices.Add };

    public PartitionLog Open(LogConfig? config = null, LogOpenOptions options = default) =>
        PartitionLog.Open(Environment, Directory, "topic", 0, config ?? LogConfig.Default, options);
}
