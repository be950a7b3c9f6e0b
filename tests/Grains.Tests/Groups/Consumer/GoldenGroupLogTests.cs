using System.Text.Json;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>The <c>__consumer_offsets</c> that a real Kafka left behind.</summary>
public sealed class GoldenGroupLogTests
{
    private const string Member = "AAAAAAAAAAAAAAAAAAAAAQ";
    private const string PatternMember = "AAAAAAAAAAAAAAAAAAAAAg";
    private static readonly GroupTime Start = new(1_000_000, 1_795_300_000_000);

    [GoldenFact]
    public void Read_OfKafkasLog_HasItsGroups()
    {
        Dictionary<string, GroupImage> groups = ReadGroups();

        Assert.Equal(
            ["classic", "modern", "modern-regex", "simple", "to-expire", "txn-group"], groups.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["modern", "modern-regex"], groups.Where(each => each.Value.IsConsumerGroup).Select(each => each.Key).Order());
        Assert.Equal(ConsumerGroupState.Stable, groups["modern"].Consumer.State);
        Assert.Equal(ConsumerGroupState.Assigning, groups["modern-regex"].Consumer.State);
        Assert.Equal(30, groups["modern"].Offsets.Find("segments", 0)!.Value.Offset);
        Assert.Equal(55, groups["txn-group"].Offsets.Find("segments", 0)!.Value.Offset);
    }

    [GoldenFact]
    public void Load_OfAConsumerGroup_GoesOnWithItsMembers()
    {
        var group = new Group("modern", () => new GroupSettings(), () => "id", Topics);
        group.Load(ReadGroups()["modern"], Start);

        ConsumerGroupDescription before = group.DescribeConsumers()!;
        Assert.Equal(("Stable", 2, 2, "uniform"), (before.State, before.GroupEpoch, before.AssignmentEpoch, before.AssignorName));
        ConsumerMemberDescription member = Assert.Single(before.Members);
        Assert.Equal((Member, "inst-m", "r1", 2), (member.Member.MemberId, member.Member.InstanceId, member.RackId, member.MemberEpoch));
        Assert.Equal(2, member.Assignment.Length);

        ConsumerHeartbeatReply reply = group.ConsumerHeartbeat(
            ConsumerScene.Beating(Member, 2) with { InstanceId = "inst-m", Owned = member.Assignment }, Start);

        Assert.Equal(0, reply.Error);
        Assert.Null(reply.Assignment);
    }

    [GoldenFact]
    public void Load_OfAGroupWithAPattern_AssignsWhatWasDue()
    {
        var group = new Group("modern-regex", () => new GroupSettings(), () => "id", Topics);
        group.Load(ReadGroups()["modern-regex"], Start);

        ConsumerHeartbeatReply reply = group.ConsumerHeartbeat(
            ConsumerScene.Beating(PatternMember, 1) with { Owned = [] }, Start);

        Assert.Equal(0, reply.Error);
        Assert.Equal(Id("segments"), Assert.Single(reply.Assignment!).TopicId);
    }

    [GoldenFact]
    public void Records_OfTheSameState_AreKafkasToTheByte()
    {
        List<GroupRecord> kafka = ReadRecords();
        ConsumerImage modern = ReadGroups()["modern"].Consumer;
        var member = new ConsumerMember
        {
            Id = Member,
            InstanceId = "inst-m",
            RackId = "r1",
            ClientId = "golden",
            ClientHost = "/127.0.0.1",
            Topics = ["codecs", "segments"],
            RebalanceTimeoutMs = 60_000,
            ServerAssignor = "uniform",
        };
        var withPattern = new ConsumerMember
        {
            Id = PatternMember,
            ClientId = "golden",
            ClientHost = "/127.0.0.1",
            Pattern = "seg.*",
            RebalanceTimeoutMs = 60_000,
            Epoch = 1,
        };

        AssertIn(kafka, ConsumerRecords.Member("modern", member));
        AssertIn(kafka, ConsumerRecords.Epoch("modern", 2, modern.Metadata!.MetadataHash));
        AssertIn(kafka, ConsumerRecords.TargetEpoch("modern", 2, modern.Target!.AssignmentTimestamp));
        AssertIn(kafka, ConsumerRecords.Member("modern-regex", withPattern));
        AssertIn(kafka, ConsumerRecords.Current("modern-regex", withPattern));
        AssertIn(kafka, ConsumerRecords.Pattern("modern-regex", "seg.*", ["segments"], 224, 1795213364792));
    }

    private static void AssertIn(List<GroupRecord> kafka, GroupRecord ours) => Assert.Contains(
        kafka, record => record.Key.AsSpan().SequenceEqual(ours.Key) && record.Value.AsSpan().SequenceEqual(ours.Value));

    private static MetadataImage Topics()
    {
        TopicImage[] topics = [.. new[] { "codecs", "segments" }.Select(name => new TopicImage
        {
            Name = name,
            Id = Id(name),
            Version = 1,
            Configs = [],
            Partitions =
            [
                new PartitionImage
                {
                    Partition = 0, Replicas = [1], InSyncReplicas = [1], Leader = 1, LeaderEpoch = 0, PartitionEpoch = 0,
                },
            ],
        })];
        return MetadataImage.Empty with
        {
            Topics = MetadataImage.Empty.Topics.AddRange(topics.Select(topic => KeyValuePair.Create(topic.Name, topic))),
            TopicsById = MetadataImage.Empty.TopicsById.AddRange(topics.Select(topic => KeyValuePair.Create(topic.Id, topic))),
        };
    }

    private static Guid Id(string topic)
    {
        Assert.True(KafkaUuid.TryParse(topic == "codecs" ? "TH75MKZMRWuVUdXYWxqdZQ" : "rnz5jAkDTlae7S7L7Uo_5w", out KafkaUuid id));
        return id.ToGuid();
    }

    private static Dictionary<string, GroupImage> ReadGroups()
    {
        const string Partition = "/log/__consumer_offsets-0";
        var files = new SimulatedFileSystem(seed: 1);
        files.CreateDirectory(Partition);
        foreach (string path in Directory.GetFiles(GoldenData.PathOf("log", "clean", "__consumer_offsets-0")))
        {
            using IFile file = files.Open($"{Partition}/{Path.GetFileName(path)}", FileOpen.CreateEmpty);
            file.Write(File.ReadAllBytes(path), 0);
            file.Flush();
        }

        var environment = new LogEnvironment(files, new ManualClock(), new Random(1));
        PartitionLog log = PartitionLog.Open(environment, Partition, "__consumer_offsets", 0, LogConfig.Default, default);
        return GroupLogReader.Read(log, static _ => true);
    }

    /// <summary>From the manifest, which has every record beside its segment.</summary>
    private static List<GroupRecord> ReadRecords()
    {
        using JsonDocument manifest = JsonDocument.Parse(
            File.ReadAllText(GoldenData.PathOf("log", "clean", "__consumer_offsets-0.manifest.json")));
        return [.. manifest.RootElement.GetProperty("segments").EnumerateArray()
            .SelectMany(segment => segment.GetProperty("batches").EnumerateArray())
            .SelectMany(batch => batch.GetProperty("records").EnumerateArray())
            .Select(record => new GroupRecord(Bytes(record, "keyHex")!, Bytes(record, "valueHex")))];
    }

    private static byte[]? Bytes(JsonElement record, string name) =>
        record.TryGetProperty(name, out JsonElement hex) && hex.GetString() is { } text ? Convert.FromHexString(text) : null;
}
