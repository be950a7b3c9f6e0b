using System.Text.Json.Nodes;

namespace Orleans.Kafka.Storage.Tests.Golden;

/// <summary>Directories that a real Kafka wrote are opened as it opens them.</summary>
public sealed class GoldenLogTests
{
    private static readonly LogConfig Config = LogConfig.Default with { ProducerIdExpirationMs = long.MaxValue };

    [GoldenTheory]
    [InlineData("clean", "clean")]
    [InlineData("killed", "killed-then-opened")]
    [InlineData("killed-then-opened", "killed-then-opened")]
    [InlineData("compacted", "compacted")]
    [InlineData("compacted-tombstones-gone", "compacted-tombstones-gone")]
    public void Open_OfAState_HasWhatKafkaSees(string state, string seen)
    {
        var disk = GoldenLogs.Load(state);
        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        Assert.Equal(state != "killed", directory.WasClean);
        var observed = GoldenLogs.Json($"{seen}/observed.json");
        var count = 0;
        foreach (var stored in directory.ListPartitions().Where(p => !p.Topic.StartsWith("dmg-", StringComparison.Ordinal)))
        {
            var log = directory.OpenPartition(stored.Topic, stored.Partition, stored.TopicId!.Value, Config);
            var name = $"{stored.Topic}-{stored.Partition}";
            BecomeLeader(log);
            AssertObserved(log, observed[stored.Topic]!);
            if (GoldenLogs.HasManifest(seen, name))
            {
                AssertProducers(log, GoldenLogs.Manifest(seen, name));
            }

            count++;
        }

        Assert.True(count > 2);
        Assert.Empty(disk.Notices);
    }

    [GoldenTheory]
    [InlineData("clean")]
    [InlineData("killed")]
    [InlineData("compacted")]
    public void Read_OfEveryPartition_GivesTheSameBytes(string state)
    {
        var disk = GoldenLogs.Load(state);
        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        foreach (var stored in directory.ListPartitions().Where(p => !p.Topic.StartsWith("dmg-", StringComparison.Ordinal)))
        {
            var log = directory.OpenPartition(stored.Topic, stored.Partition, stored.TopicId!.Value, Config);
            var expected = Directory.GetFiles(Path.Join(GoldenLogs.Root, state, $"{stored.Topic}-{stored.Partition}"), "*.log")
                .Order().SelectMany(File.ReadAllBytes).ToArray();
            var read = Batches.ReadAll(log, maxBytes: 300).SelectMany(b => b).ToArray();

            // Below the log start are bytes that nobody may read any more.
            Assert.Equal(expected[^read.Length..], read);
            Assert.True(read.Length == expected.Length || log.Offsets.LogStart > 0);
        }
    }

    [GoldenTheory]
    [InlineData("segments-0", 0)]
    [InlineData("index-full-0", 0)]
    [InlineData("idempotent-0", 120)]
    [InlineData("txn-0", 0)]
    [InlineData("codecs-0", 4096)]
    [InlineData("shapes-0", 4096)]
    [InlineData("append-time-0", 100)]
    [InlineData("epochs-0", 4096)]
    public void Append_OfTheSameBatches_GivesTheSameFiles(string partition, int indexInterval)
    {
        var manifest = GoldenLogs.Manifest("clean", partition);
        var disk = new TestDisk();
        using var log = disk.Open(Config with { IndexIntervalBytes = indexInterval, SegmentMs = long.MaxValue });
        foreach (var segment in manifest["segments"]!.AsArray())
        {
            if (segment!["baseOffset"]!.GetValue<long>() > 0)
            {
                Assert.True(log.Roll());
            }

            var name = $"{segment["baseOffset"]!.GetValue<long>():D20}.log";
            var bytes = File.ReadAllBytes(Path.Join(GoldenLogs.Root, "clean", partition, name));
            Batches.MustAppend(log, bytes, AppendOrigin.Replication);
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        Assert.True(log.Close());
        foreach (var file in manifest["files"]!.AsArray().Select(f => f!["name"]!.GetValue<string>()))
        {
            if (file == LogFileName.PartitionMetadata || file.EndsWith(".snapshot", StringComparison.Ordinal))
            {
                continue;
            }

            var expected = File.ReadAllBytes(Path.Join(GoldenLogs.Root, "clean", partition, file));
            var ours = disk.Files.ReadAll($"{TestDisk.Directory}/{file}", int.MaxValue);
            Assert.True(ours is not null, $"{file} is missing");
            Assert.True(expected.AsSpan().SequenceEqual(ours), $"{file}: {Convert.ToHexString(ours)}");
        }
    }

    [GoldenFact]
    public void Snapshots_OfEveryPartition_RoundTrip()
    {
        var count = 0;
        foreach (var path in Directory.GetFiles(Path.Join(GoldenLogs.Root, "clean"), "*.snapshot", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(path);
            var table = new ProducerStateTable();
            Assert.True(ProducerSnapshot.TryDecode(bytes, table, 0, long.MaxValue));
            Assert.Equal(bytes, ProducerSnapshot.Encode(table));
            count++;
        }

        Assert.True(count > 20);
    }

    /// <summary>What the broker does before a client can look.</summary>
    internal static void BecomeLeader(PartitionLog log)
    {
        log.AssignLeaderEpoch(log.LatestLeaderEpoch + 2, log.Offsets.LogEnd);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
    }

    internal static void AssertObserved(PartitionLog log, JsonNode observed)
    {
        var name = log.Topic;
        Assert.Equal(
            (name, Long(observed, "logStartOffset"), Long(observed, "highWatermark"), Long(observed, "lastStableOffset")),
            (name, log.Offsets.LogStart, log.Offsets.HighWatermark, log.Offsets.LastStable));
        var max = log.MaxTimestamp();
        Assert.Equal(
            (name, Long(observed, "offsetOfMaxTimestamp"), Long(observed, "maxTimestamp")),
            (name, max.Offset, max.TimestampMs));
        var batches = Batches.Infos(log).Select(b => $"{b.BaseOffset}-{b.LastOffset}");
        Assert.Equal(
            observed["batches"]!.AsArray().Select(b => b!.GetValue<string>().Split(' ')[0]), batches);
        var end = log.EndOffsetForEpoch(0);
        Assert.Equal($"{name} {observed["endOfEpoch0"]!.GetValue<string>()}", $"{name} {end.Epoch}@{end.EndOffset}");
    }

    internal static void AssertProducers(PartitionLog log, JsonNode manifest)
    {
        var last = manifest["producerSnapshots"]!.AsObject().OrderBy(s => s.Key).LastOrDefault().Value;
        if (last is null || manifest["nextOffset"]!.GetValue<long>() != log.Offsets.LogEnd)
        {
            return;
        }

        var expected = last["producers"]!.AsArray().Select(p => new ActiveProducer(
            Long(p!, "producerId"), (short)Long(p!, "producerEpoch"), (int)Long(p!, "lastSequence"),
            Long(p!, "timestamp"), (int)Long(p!, "coordinatorEpoch"), Long(p!, "currentTxnFirstOffset")));
        Assert.Equal(expected.OrderBy(p => p.ProducerId), log.DescribeProducers().OrderBy(p => p.ProducerId));
    }

    private static long Long(JsonNode node, string field) => node[field]!.GetValue<long>();
}
