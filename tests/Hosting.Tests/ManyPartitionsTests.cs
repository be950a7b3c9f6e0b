using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Hosting.Tests;

/// <summary>Many more partitions than the broker may keep files open.</summary>
public sealed class ManyPartitionsTests
{
    private const int Partitions = 300;
    private const int Files = 16;

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task ProduceAndFetch_OverAllOfThem_GetsThroughWithFewFiles(string isDurable)
    {
        var options = new KafkaBrokerOptions();
        options.Settings["log.open.files.max"] = $"{Files}";
        options.Settings["log.flush.before.ack"] = isDurable;
        await using KafkaBroker broker = await KafkaBroker.StartAsync(options);
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("many", Partitions);
        ProduceRequest all = WireClient.Produce("many", WireClient.Batch("x"));
        all.TopicData[0].PartitionData =
            [.. Enumerable.Range(0, Partitions).Select(index => new ProduceRequest.PartitionProduceData
            {
                Index = index,
                Records = new RecordSet(WireClient.Batch($"value {index}")),
            })];

        for (int round = 0; round < 2; round++)
        {
            var produced = await client.SendAsync<ProduceResponse>(all, ApiKey.Produce, version: 9);
            Assert.All(produced.Responses[0].PartitionResponses, each => Assert.Equal(ErrorCode.None, each.ErrorCode));
        }

        int rounds = 0;
        for (HashSet<int> missing = [.. Enumerable.Range(0, Partitions)]; missing.Count > 0; rounds++)
        {
            FetchResponse fetched = await client.SendAsync<FetchResponse>(All(missing), ApiKey.Fetch, version: 12);
            int before = missing.Count;
            foreach (FetchResponse.PartitionData each in fetched.Responses[0].Partitions)
            {
                Assert.Equal(ErrorCode.None, each.ErrorCode);
                if (each.Records.Length > 0)
                {
                    string expected = $"value {each.PartitionIndex}";
                    Assert.Equal([(0, expected), (1, expected)], WireClient.Records(each.Records));
                    missing.Remove(each.PartitionIndex);
                }
            }

            Assert.InRange(before - missing.Count, 1, 2 * Files);
        }

        Assert.True(rounds > Partitions / (2 * Files), $"{rounds} rounds");
        Assert.InRange(FilesOpen(broker), 1, Files + (Files / 8) + 1);
    }

    private static FetchRequest All(IEnumerable<int> partitions)
    {
        FetchRequest request = WireClient.Fetch("many", 0);
        request.Topics[0].Partitions =
            [.. partitions.Select(index => new FetchRequest.FetchPartition
            {
                Partition = index,
                CurrentLeaderEpoch = -1,
                PartitionMaxBytes = 1 << 20,
            })];
        return request;
    }

    private static long FilesOpen(KafkaBroker broker)
    {
        var meters = broker.Services.GetRequiredService<IMeterFactory>();
        long open = -1;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "kafka.log.files.open" && ReferenceEquals(instrument.Meter.Scope, meters))
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<int>((_, value, _, _) => open = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return open;
    }
}
