namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>One broker for the tests of groups, which takes short session timeouts.</summary>
public sealed class GroupBroker : IAsyncLifetime
{
    public const string Collection = "group broker";

    private BrokerProcess? _broker;

    internal BrokerProcess Broker => _broker!;

    public async Task InitializeAsync() => _broker = await BrokerProcess.StartAsync(
        GroupUnderTest.BrokerSetting,
        "group.initial.rebalance.delay.ms=0",
        "group.consumer.min.session.timeout.ms=1000",
        "group.consumer.session.timeout.ms=3000",
        "group.consumer.min.heartbeat.interval.ms=100",
        "group.consumer.heartbeat.interval.ms=300",
        "group.consumer.assignment.interval.ms=200");

    public async Task DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }
    }
}

[CollectionDefinition(GroupBroker.Collection)]
public sealed class GroupBrokerCollection : ICollectionFixture<GroupBroker>;
