namespace Orleans.Kafka.Interop.Tests;

/// <summary>What every client with a script of its own does. A client's class says which tests it can do.</summary>
[Collection(BrokerFixture.Collection)]
public abstract class ClientTests(BrokerFixture fixture, Client client)
{
    private BrokerProcess Broker => fixture.Broker;

    private string Bootstrap => Broker.Bootstrap;

    private string Name => client.ToString().ToLowerInvariant();

    /// <summary>Produces the text in a codec, consumes it, and compares every record.</summary>
    protected async Task AssertTextComesBackAsync(string codec)
    {
        var topic = $"{Name}-text-{codec}";
        await ProduceTextAsync(topic, codec);
        using var consumed = new TemporaryFile();
        await ClientRun.FinishAsync(client, "consume", Bootstrap, topic, consumed.FilePath);

        fixture.Text.AssertConsumed(consumed.FilePath);
        // What a client finds to be no smaller when compressed it may send as it is: not all batches have the codec.
        var codecs = SegmentCodecs.CountBatches(Broker.DataFolder, topic);
        Assert.True(codecs.ContainsKey(codec), $"no batch is in {codec}, but {string.Join(", ", codecs)}");
    }

    /// <summary>Makes, describes, widens and deletes topics.</summary>
    protected Task AssertTopicsAreAdministeredAsync() =>
        ClientRun.FinishAsync(client, "admin", Bootstrap, $"{Name}-admin");

    /// <summary>Describes and alters the settings of a topic.</summary>
    protected Task AssertSettingsAreAlteredAsync() =>
        ClientRun.FinishAsync(client, "configs", Bootstrap, $"{Name}-configs");

    /// <summary>Looks offsets up by timestamps, for which the broker looks into the batches.</summary>
    protected async Task AssertOffsetsAreFoundByTimeAsync(string codec)
    {
        var topic = $"{Name}-times-{codec}";
        await ProduceTextAsync(topic, codec);
        await ClientRun.FinishAsync(client, "offsets", Bootstrap, topic);
    }

    /// <summary>Deletes the first records of a partition.</summary>
    protected async Task AssertRecordsAreDeletedAsync()
    {
        var topic = $"{Name}-deleted-records";
        await ProduceTextAsync(topic, "none");
        await ClientRun.FinishAsync(client, "delete-records", Bootstrap, topic);
    }

    /// <summary>Produces a large record, one that is too large, and a small one.</summary>
    protected async Task AssertLimitsHoldAsync()
    {
        var topic = $"{Name}-limits";
        await Topics.CreateAsync(Bootstrap, topic, 1);
        await ClientRun.FinishAsync(client, "limits", Bootstrap, topic);
    }

    private async Task ProduceTextAsync(string topic, string codec)
    {
        await Topics.CreateAsync(Bootstrap, topic, TextRecords.Partitions);
        await ClientRun.FinishAsync(client, "produce", Bootstrap, topic, codec, fixture.Text.FilePath);
    }
}
