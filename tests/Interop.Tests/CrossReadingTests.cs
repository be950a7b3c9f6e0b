namespace Orleans.Kafka.Interop.Tests;

/// <summary>What one client wrote every other one reads: all produce into one topic, all read it.</summary>
[Collection(BrokerFixture.Collection)]
public sealed class CrossReadingTests(BrokerFixture fixture)
{
    private const int LineCount = 6000;

    private static readonly Client[] Scripted =
        [Client.ConfluentPython, Client.KafkaPython, Client.KafkaJs, Client.Platformatic];

    [ClientTheory(Client.ConfluentPython, Client.KafkaPython, Client.KafkaJs, Client.Platformatic)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public async Task Text_ProducedByAll_IsReadByAll(string codec)
    {
        var bootstrap = fixture.Broker.Bootstrap;
        var topic = $"cross-{codec}";
        var text = TextRecords.Write(LineCount);
        await Topics.CreateAsync(bootstrap, topic, TextRecords.Partitions);
        foreach (var producer in Scripted)
        {
            await ClientRun.FinishAsync(producer, "produce", bootstrap, topic, codec, text.FilePath);
        }

        foreach (var consumer in Scripted)
        {
            using var consumed = new TemporaryFile();
            await ClientRun.FinishAsync(consumer, "consume", bootstrap, topic, consumed.FilePath);
            text.AssertConsumed(consumed.FilePath, times: Scripted.Length);
        }

        text.Delete();
    }
}
