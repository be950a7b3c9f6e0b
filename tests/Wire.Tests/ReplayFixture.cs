using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Wire.Tests.Recording;
using Orleans.Kafka.Wire.Tests.Replay;

namespace Orleans.Kafka.Wire.Tests;

/// <summary>An API as this broker tells clients of it.</summary>
/// <param name="Key">The API.</param>
/// <param name="MinVersion">The lowest version that is told.</param>
/// <param name="MaxVersion">The highest version that is told.</param>
public sealed record ServedApi(ApiKey Key, short MinVersion, short MaxVersion);

/// <summary>One broker, and one replay of the whole recording on it, for all tests here.</summary>
public sealed class ReplayFixture : IAsyncLifetime
{
    private const string RecordedDirectory = "/tmp/kafka-golden/wire/data";

    /// <summary>What ApiVersions v0 looks like.</summary>
    private static readonly byte[] ApiVersionsRequest = Convert.FromHexString("0000000a0012000000000001ffff");

    /// <summary>What the broker serves, from its own answer to ApiVersions.</summary>
    public IReadOnlyList<ServedApi> Served { get; private set; } = [];

    internal IReadOnlyList<ReplayOutcome> Outcomes { get; private set; } = [];

    internal KnownDifferences Known { get; } = KnownDifferences.Load();

    internal ReplayPlan Plan { get; } = ReplayPlan.Load();

    public async Task InitializeAsync()
    {
        var golden = GoldenData.Root;
        var port = FreePort();
        var options = new KafkaBrokerOptions();
        foreach (var (name, value) in golden is null ? [] : WireRecording.LoadSettings(golden))
        {
            if (name != "log.dirs")
            {
                options.Settings[name] = value!.Replace(
                    WireRecording.Address, $"127.0.0.1:{port}", StringComparison.Ordinal);
            }
        }

        options.Settings["listeners"] = options.Settings.TryGetValue("listeners", out var listeners)
            ? listeners
            : $"PLAINTEXT://127.0.0.1:{port}";
        await using var broker = await KafkaBroker.StartAsync(options);
        Served = await AskVersionsAsync(port);
        if (golden is not null)
        {
            var own = new Dictionary<string, string>
            {
                [WireRecording.Port] = port.ToString(CultureInfo.InvariantCulture),
                [WireRecording.ClusterId] = await AskClusterIdAsync(port),
                [RecordedDirectory] = broker.Directory,
            };
            using var run = new ReplayRun(port, own);
            Outcomes = await run.RunAsync(WireRecording.Load(golden), Plan);
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    /// <summary>How many exchanges were replayed, were equal, differ as listed, were left out; by API.</summary>
    internal string Summary()
    {
        var text = new StringBuilder();
        foreach (var api in Outcomes.GroupBy(each => each.Exchange.Api).OrderBy(group => group.First().Exchange.Key))
        {
            Summarize(text, api.Key, [.. api]);
        }

        Summarize(text, "all", Outcomes);
        foreach (var reason in Outcomes.Where(outcome => outcome.Skipped is not null).GroupBy(outcome => outcome.Skipped))
        {
            text.AppendLine($"left out: {reason.Count(),5} {reason.Key}");
        }

        return text.ToString();
    }

    private static void Summarize(StringBuilder text, string name, IReadOnlyList<ReplayOutcome> outcomes)
    {
        var replayed = outcomes.Where(outcome => outcome.Skipped is null).ToList();
        var equal = replayed.Count(outcome => outcome.Differences is { Count: 0 });
        var differ = replayed.Count(outcome => outcome.Differences is { Count: > 0 });
        text.AppendLine($"{name,-28} replayed {replayed.Count,5}  equal {equal,5}  differ {differ,4}  "
            + $"not compared {replayed.Count - equal - differ,3}  left out {outcomes.Count - replayed.Count,4}");
    }

    private static int FreePort()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    private static async Task<List<ServedApi>> AskVersionsAsync(int port)
    {
        using var connection = new WireConnection(port);
        await connection.SendAsync(ApiVersionsRequest, thenShutDown: false);
        var answer = (await connection.ReadFrameAsync(TimeSpan.FromSeconds(10)))!;
        var served = new List<ServedApi>();
        for (var position = 14; position + 6 <= answer.Length; position += 6)
        {
            served.Add(new ServedApi(
                (ApiKey)BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(position)),
                BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(position + 2)),
                BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(position + 4))));
        }

        return served;
    }

    private static async Task<string> AskClusterIdAsync(int port)
    {
        using var connection = new WireConnection(port);
        var request = Convert.FromHexString("000000150003000c000000010006676f6c64656e0001010000");
        await connection.SendAsync(request, thenShutDown: false);
        var answer = (await connection.ReadFrameAsync(TimeSpan.FromSeconds(10)))!;
        var response = WireMessages.DecodeResponse((short)ApiKey.Metadata, 12, 12, answer.AsMemory(4));
        return (string)response["clusterId"]!;
    }
}

/// <summary>All tests that share the replay.</summary>
[CollectionDefinition(Name)]
public sealed class ReplayCollection : ICollectionFixture<ReplayFixture>
{
    public const string Name = "replay";
}
