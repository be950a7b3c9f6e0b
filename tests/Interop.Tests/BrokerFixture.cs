namespace Orleans.Kafka.Interop.Tests;

/// <summary>One broker and one text for all the tests; they use topics of their own, one after the other.</summary>
public sealed class BrokerFixture : IAsyncLifetime
{
    public const string Collection = "broker";

    private BrokerProcess? _broker;

    internal BrokerProcess Broker => _broker!;

    internal TextRecords Text { get; } = TextRecords.Write(TextRecords.UsualCount);

    public async Task InitializeAsync() => _broker = await BrokerProcess.StartAsync();

    public async Task DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }

        Text.Delete();
    }
}

[CollectionDefinition(BrokerFixture.Collection)]
public sealed class BrokerCollection : ICollectionFixture<BrokerFixture>;
