using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Grains.Groups.Lag;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Hosting.Tests;

/// <summary>What becomes of groups when topics go, and when the broker starts on what is there.</summary>
public sealed class GroupTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kafka-group-tests-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Offsets_OfADeletedTopic_AreForgotten()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("gone");
        await client.CreateTopicAsync("stays");
        await CommitAsync(client, "group", "gone", 5);
        await CommitAsync(client, "group", "stays", 6);
        Assert.Equal(5, await OffsetAsync(client, "group", "gone"));

        await client.SendAsync<DeleteTopicsResponse>(
            new DeleteTopicsRequest { TopicNames = ["gone"], TimeoutMs = 10_000 }, ApiKey.DeleteTopics, version: 5);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (await OffsetAsync(client, "group", "gone") != -1)
        {
            await Task.Delay(10, patience.Token);
        }

        Assert.Equal(6, await OffsetAsync(client, "group", "stays"));
    }

    [Fact]
    public async Task Groups_AfterARestart_AreThereWithTheirOffsets()
    {
        await using (KafkaBroker broker = await StartAsync())
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            await client.CreateTopicAsync("t");
            await CommitAsync(client, "first/with a slash", "t", 7);
            await CommitAsync(client, "zweite \u00e4\u00f6\u00fc \U0001F600", "t", 8);
        }

        await using KafkaBroker again = await StartAsync();
        using WireClient asking = await WireClient.ConnectAsync(again);

        Assert.Equal(7, await OffsetAsync(asking, "first/with a slash", "t"));
        Assert.Equal(8, await OffsetAsync(asking, "zweite \u00e4\u00f6\u00fc \U0001F600", "t"));
        Assert.Equal(2, (await ListAsync(asking)).Count);
    }

    [Fact]
    public async Task Members_ThatDiedWithTheBroker_AreFoundOutWithoutARequest()
    {
        await using (KafkaBroker broker = await StartAsync())
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            await client.CreateTopicAsync("t");
            await CommitAsync(client, "group", "t", 7);
            var join = new JoinGroupRequest
            {
                GroupId = "group",
                SessionTimeoutMs = 500,
                RebalanceTimeoutMs = 500,
                ProtocolType = "consumer",
                Protocols = [new() { Name = "range" }],
            };
            var joined = await client.SendAsync<JoinGroupResponse>(join, ApiKey.JoinGroup, version: 3);
            var sync = new SyncGroupRequest
            {
                GroupId = "group",
                GenerationId = joined.GenerationId,
                MemberId = joined.MemberId,
            };
            await client.SendAsync<SyncGroupResponse>(sync, ApiKey.SyncGroup, version: 3);
            Assert.Equal("Stable", Assert.Single(await ListAsync(client)).GroupState);
        }

        await using KafkaBroker again = await StartAsync();
        using WireClient asking = await WireClient.ConnectAsync(again);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Assert.Single(await ListAsync(asking)).GroupState != "Empty")
        {
            await Task.Delay(10, patience.Token);
        }
    }

    [Fact]
    public async Task Broker_StoppedWhileAMemberWaitsForOthers_AnswersItAndDoesNotWaitToo()
    {
        KafkaBroker broker = await StartAsync();
        using WireClient first = await WireClient.ConnectAsync(broker);
        using WireClient second = await WireClient.ConnectAsync(broker);
        await first.CreateTopicAsync("t");
        await CommitAsync(first, "group", "t", 7);
        var join = new JoinGroupRequest
        {
            GroupId = "group",
            SessionTimeoutMs = 300_000,
            RebalanceTimeoutMs = 300_000,
            ProtocolType = "consumer",
            Protocols = [new() { Name = "range" }],
        };
        await first.SendAsync<JoinGroupResponse>(join, ApiKey.JoinGroup, version: 3);
        await second.WriteAsync(join, ApiKey.JoinGroup, version: 3);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Assert.Single(await ListAsync(first)).GroupState != "PreparingRebalance")
        {
            await Task.Delay(10, patience.Token);
        }

        await broker.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        var answer = await second.ReadAsync<JoinGroupResponse>(ApiKey.JoinGroup, version: 3);
        Assert.Equal(ErrorCode.NotCoordinator, answer.ErrorCode);
    }

    [Fact]
    public async Task Lag_OfAGroup_IsKnownInRecordsAndInTime()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("t", partitions: 2);
        DateTimeOffset before = DateTimeOffset.UtcNow;
        await client.ProduceAsync("t", WireClient.Batch(before.AddHours(-2), "a", "b"));
        await client.ProduceAsync("t", WireClient.Batch(before.AddHours(-1), "c", "d", "e"));

        await CommitAsync(client, "group", "t", 0);
        PartitionLag all = Assert.Single(await broker.GroupLagAsync("group"));
        await CommitAsync(client, "group", "t", 2);
        PartitionLag some = Assert.Single(await broker.GroupLagAsync("group"));
        await CommitAsync(client, "group", "t", 5);
        PartitionLag none = Assert.Single(await broker.GroupLagAsync("group"));

        Assert.Equal((0L, 5L, 5L), (all.CommittedOffset, all.EndOffset, all.Records));
        Assert.InRange(all.Age!.Value, TimeSpan.FromHours(2), TimeSpan.FromHours(2.5));
        Assert.Equal(3, some.Records);
        Assert.InRange(some.Age!.Value, TimeSpan.FromHours(1), TimeSpan.FromHours(1.5));
        Assert.Equal((0L, TimeSpan.Zero), (none.Records, none.Age!.Value));
        Assert.Empty(await broker.GroupLagAsync("nobody"));
    }

    [Fact]
    public async Task Lag_OfGroupsThatAreBehind_IsReportedAndMeasured()
    {
        var lines = new RecordingLogger();
        using var listener = new MeterListener();
        var measured = new ConcurrentDictionary<string, double>();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Orleans.Kafka")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();
        void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.ToArray().Any(tag => Equals(tag.Value, "behind")))
            {
                measured[instrument.Name] = value;
            }
        }

        await using KafkaBroker broker = await KafkaBroker.StartAsync(new KafkaBrokerOptions
        {
            LoggerFactory = lines,
            Settings = { ["group.lag.report.interval.ms"] = "20" },
        });
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("t");
        await client.ProduceAsync("t", WireClient.Batch(DateTimeOffset.UtcNow.AddHours(-1), "a", "b", "c"));
        await CommitAsync(client, "behind", "t", 1);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!lines.Any("group behind is 2 records behind in t") || measured.Count < 2)
        {
            listener.RecordObservableInstruments();
            await Task.Delay(10, patience.Token);
        }

        Assert.Equal(2, measured["kafka.group.lag.records"]);
        Assert.InRange(measured["kafka.group.lag.seconds"], 3600, 5000);
    }

    [GoldenFact]
    public async Task Broker_StartedOnADirectoryOfKafka_ShowsItsTopicsAndGroups()
    {
        CopyDirectory(Path.Join(GoldenData.Root, "log", "clean"), _directory);
        await using KafkaBroker broker = await StartAsync();
        using WireClient client = await WireClient.ConnectAsync(broker);

        var groups = (await ListAsync(client)).ToDictionary(group => group.GroupId);

        Assert.Equal("consumer", groups["modern"].GroupType);
        Assert.Equal("consumer", groups["modern-regex"].GroupType);
        Assert.Equal(("classic", "consumer"), (groups["classic"].GroupType, groups["classic"].ProtocolType));
        Assert.Equal("classic", groups["simple"].GroupType);
        Assert.DoesNotContain("gone", groups.Keys);
        Assert.DoesNotContain("to-delete", groups.Keys);
        Assert.Equal(28, await OffsetAsync(client, "simple", "segments"));
        Assert.Equal(12, await OffsetAsync(client, "classic", "segments"));
        Assert.Equal(30, await OffsetAsync(client, "modern", "segments"));
        Assert.Equal(55, await OffsetAsync(client, "txn-group", "segments"));
        Assert.Equal(3, await OffsetAsync(client, "to-expire", "segments"));
        var described = await client.SendAsync<DescribeGroupsResponse>(
            new DescribeGroupsRequest { Groups = ["classic"] }, ApiKey.DescribeGroups, version: 5);
        Assert.StartsWith("inst-1-", Assert.Single(described.Groups[0].Members).MemberId, StringComparison.Ordinal);
    }

    private Task<KafkaBroker> StartAsync() => KafkaBroker.StartAsync(new KafkaBrokerOptions
    {
        Directory = _directory,
        Settings = { ["group.min.session.timeout.ms"] = "100" },
    });

    private static async Task CommitAsync(WireClient client, string group, string topic, long offset)
    {
        var request = new OffsetCommitRequest { GroupId = group, GenerationIdOrMemberEpoch = -1 };
        request.Topics.Add(new()
        {
            Name = topic,
            Partitions = [new() { PartitionIndex = 0, CommittedOffset = offset, CommittedLeaderEpoch = -1 }],
        });

        // The topic of the offsets is made with the first request that needs it.
        ErrorCode error;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        do
        {
            await client.SendAsync<FindCoordinatorResponse>(
                new FindCoordinatorRequest { Key = group }, ApiKey.FindCoordinator, version: 3);
            var response = await client.SendAsync<OffsetCommitResponse>(request, ApiKey.OffsetCommit, version: 8);
            error = response.Topics[0].Partitions[0].ErrorCode;
        }
        while (error is ErrorCode.NotCoordinator or ErrorCode.CoordinatorLoadInProgress && !patience.IsCancellationRequested);
        Assert.Equal(ErrorCode.None, error);
    }

    private static async Task<long> OffsetAsync(WireClient client, string group, string topic)
    {
        var request = new OffsetFetchRequest { GroupId = group, Topics = [new() { Name = topic, PartitionIndexes = [0] }] };
        var response = await client.SendAsync<OffsetFetchResponse>(request, ApiKey.OffsetFetch, version: 6);
        Assert.Equal(ErrorCode.None, response.ErrorCode);
        return response.Topics[0].Partitions[0].CommittedOffset;
    }

    private static async Task<List<ListGroupsResponse.ListedGroup>> ListAsync(WireClient client)
    {
        while (true)
        {
            var response = await client.SendAsync<ListGroupsResponse>(
                new ListGroupsRequest(), ApiKey.ListGroups, version: 5);
            if (response.ErrorCode != ErrorCode.CoordinatorLoadInProgress)
            {
                Assert.Equal(ErrorCode.None, response.ErrorCode);
                return response.Groups;
            }
        }
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (string directory in Directory.GetDirectories(from))
        {
            CopyDirectory(directory, Directory.CreateDirectory(Path.Join(to, Path.GetFileName(directory))).FullName);
        }

        foreach (string file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Join(to, Path.GetFileName(file)));
        }
    }
}
