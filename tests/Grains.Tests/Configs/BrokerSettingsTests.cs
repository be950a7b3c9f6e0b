using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Tests.Configs;

public sealed class BrokerSettingsTests
{
    [Fact]
    public void Parse_Nothing_GivesKafkasDefaults()
    {
        var settings = Parse();
        Assert.Equal(1, settings.NodeId);
        Assert.Equal(1, settings.DefaultPartitions);
        Assert.Equal(104_857_600, settings.RequestSizeMax);
        Assert.Equal(TimeSpan.FromMinutes(10), settings.ConnectionIdleMax);
        Assert.Equal(TimeSpan.FromHours(168), settings.Retention);
        Assert.Equal(["PLAINTEXT://:9092"], settings.Listeners.Select(listener => listener.ToString()));
        Assert.Empty(settings.AdvertisedListeners);
        Assert.True(settings.AutoCreateTopics);
    }

    [Fact]
    public void Defaults_EveryTable_PassTheirOwnRules()
    {
        SettingTable[] tables = [SettingTable.Broker, SettingTable.Topic, SettingTable.Group, SettingTable.ClientMetrics];
        foreach (var definition in tables.SelectMany(table => table.All))
        {
            if (definition.DefaultText is { } text && definition.Name != "broker.id")
            {
                Assert.True(definition.TryParse(text, out _, out var message), message);
                Assert.Equal(text, definition.Normalize(text));
            }
        }
    }

    [Theory]
    [InlineData("num.partitons", "1", "Unknown setting 'num.partitons'. Did you mean 'num.partitions'?")]
    [InlineData("orleans", "1", "Unknown setting 'orleans'. Settings have the names of Kafka's broker settings.")]
    [InlineData("num.partitions", "0", "Setting 'num.partitions' has the value '0', which is not allowed. "
        + "Allowed: int, at least 1.")]
    [InlineData("num.partitions", "many", "Setting 'num.partitions' has the value 'many', which is not allowed. "
        + "Allowed: int, at least 1.")]
    [InlineData("compression.type", "brotli", "Setting 'compression.type' has the value 'brotli', which is not allowed. "
        + "Allowed: string, one of uncompressed, zstd, lz4, snappy, gzip, producer.")]
    [InlineData("log.cleanup.policy", "delete,delete", "Setting 'log.cleanup.policy' has the value 'delete,delete', "
        + "which is not allowed. Allowed: a list with commas, any of compact, delete, each once.")]
    [InlineData("listeners", "localhost:9092", "Setting 'listeners' has the value 'localhost:9092', which is not allowed. "
        + "Allowed: NAME://host:port.")]
    [InlineData("listeners", "INSIDE://:9092", "Setting 'listeners' has the listener 'INSIDE', which "
        + "listener.security.protocol.map lacks. Allowed: SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT.")]
    [InlineData("advertised.listeners", "SSL://a:1", "Setting 'advertised.listeners' has the listener 'SSL', which "
        + "'listeners' lacks. Allowed: PLAINTEXT.")]
    public void Parse_WrongSetting_SaysWhatIsAllowed(string name, string value, string message)
    {
        var exception = Assert.Throws<BrokerSettingsException>(() => Parse((name, value)));
        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void Describe_SettingThatIsOursAlone_ListedWhereItIsSetOrAskedFor()
    {
        const string name = "log.flush.before.ack";
        Assert.DoesNotContain(new ConfigDescription(Parse()).Broker(null), Is);
        Assert.Contains(new ConfigDescription(Parse()).Broker([name]), Is);
        Assert.Contains(new ConfigDescription(Parse((name, "true"))).Broker(null), Is);

        static bool Is(ConfigEntry entry) => entry.Definition.Name == name;
    }

    [Fact]
    public void Parse_TwoNodeIds_Refused() =>
        Assert.Throws<BrokerSettingsException>(() => Parse(("node.id", "1"), ("broker.id", "2")));

    [Fact]
    public void Listeners_ControllerListener_LeftOut()
    {
        var settings = Parse(
            ("listeners", "PLAINTEXT://[::1]:0,CONTROLLER://:9093"),
            ("controller.listener.names", "CONTROLLER"),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"));
        Assert.Equal([new ListenerAddress("PLAINTEXT", "::1", 0, "PLAINTEXT")], settings.Listeners);
    }

    [Fact]
    public void WithoutEffect_SettingNobodyReads_IsNamed() =>
        Assert.Equal(["ssl.protocol"], Parse(("ssl.protocol", "TLSv1.3"), ("num.partitions", "3")).WithoutEffect);

    [Fact]
    public void WithDynamic_LayersInOrder_FirstCounts()
    {
        var settings = Parse(("message.max.bytes", "100"));
        var cluster = new Dictionary<string, string> { ["message.max.bytes"] = "200", ["log.roll.ms"] = "broken" };
        var broker = new Dictionary<string, string> { ["message.max.bytes"] = "300" };
        Assert.Equal(100, settings.BatchSizeMax);
        Assert.Equal(200, settings.WithDynamic(null, cluster).BatchSizeMax);
        Assert.Equal(300, settings.WithDynamic(broker, cluster).BatchSizeMax);
    }

    private static BrokerSettings Parse(params (string Name, string? Value)[] pairs) =>
        BrokerSettings.Parse(pairs.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)));
}
