using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Tests.Configs;

public sealed class TopicSettingsTests
{
    private static readonly Dictionary<string, string> Nothing = [];

    [Fact]
    public void Resolve_Nothing_GivesKafkasDefaults()
    {
        var settings = TopicSettings.Resolve(Nothing, new SettingLayers(null, null, null));
        Assert.Equal(604_800_000, settings.RetentionMs);
        Assert.Equal(604_800_000, settings.SegmentMs);
        Assert.Equal(long.MaxValue, settings.FlushMs);
        Assert.Equal(1_048_588, settings.MaxMessageBytes);
        Assert.Equal(0.5, settings.MinCleanableDirtyRatio);
        Assert.True(settings.CleanupDelete);
        Assert.False(settings.CleanupCompact);
        Assert.False(settings.LogAppendTime);
        Assert.Equal("producer", settings.CompressionType);
    }

    [Theory]
    [InlineData("log.retention.minutes", "2", 120_000)]
    [InlineData("log.retention.hours", "2", 7_200_000)]
    [InlineData("log.retention.hours", "-1", -1)]
    [InlineData("log.retention.ms", "5", 5)]
    public void Resolve_CoarserUnits_TurnIntoMilliseconds(string name, string value, long expected)
    {
        var layers = new SettingLayers(null, null, new Dictionary<string, string> { [name] = value });
        Assert.Equal(expected, TopicSettings.Resolve(Nothing, layers).RetentionMs);
    }

    [Fact]
    public void Resolve_OwnSetting_BeatsEveryLayer()
    {
        var layers = new SettingLayers(
            new Dictionary<string, string> { ["message.max.bytes"] = "3" },
            new Dictionary<string, string> { ["message.max.bytes"] = "2" },
            new Dictionary<string, string> { ["message.max.bytes"] = "1" });
        var own = new Dictionary<string, string> { ["max.message.bytes"] = "4" };
        Assert.Equal(3, TopicSettings.Resolve(Nothing, layers).MaxMessageBytes);
        Assert.Equal(4, TopicSettings.Resolve(own, layers).MaxMessageBytes);
    }

    [Fact]
    public void Resolve_TextThatIsNoLongerAllowed_FallsBackToDefault()
    {
        var own = new Dictionary<string, string> { ["segment.bytes"] = "14" };
        Assert.Equal(1_073_741_824, TopicSettings.Resolve(own, new SettingLayers(null, null, null)).SegmentBytes);
    }

    [Fact]
    public void CheckTopic_LagsThatContradict_Refused()
    {
        var own = new Dictionary<string, string> { ["min.compaction.lag.ms"] = "9", ["max.compaction.lag.ms"] = "8" };
        Assert.Equal(ErrorCode.InvalidConfig, ConfigRules.CheckTopic(own).Code);
    }

    [Fact]
    public void CheckBroker_PerBrokerSettingForAll_Refused()
    {
        var values = new Dictionary<string, string> { ["ssl.client.auth"] = "none" };
        Assert.Equal(ErrorCode.InvalidRequest, ConfigRules.CheckBroker(values, values.Keys, forAllBrokers: true).Code);
        Assert.True(ConfigRules.CheckBroker(values, values.Keys, forAllBrokers: false).IsNone);
    }

    [Fact]
    public void Apply_AppendToUnsetList_BeginsWithDefault()
    {
        var alteration = new ConfigAlteration(
            ConfigResourceType.Topic, forAllBrokers: false, BrokerSettings.Parse([]));
        var problem = alteration.Apply(
            Nothing, [new ConfigChange("cleanup.policy", ConfigOperation.Append, "compact")], out var result);
        Assert.True(problem.IsNone);
        Assert.Equal("delete,compact", result["cleanup.policy"]);
    }

    [Fact]
    public void Describe_SensitiveSetting_HidesItsValue()
    {
        var settings = BrokerSettings.Parse([KeyValuePair.Create("ssl.key.password", (string?)"secret")]);
        var entry = Assert.Single(new ConfigDescription(settings).Broker(["ssl.key.password"]));
        Assert.Null(entry.Value);
        Assert.Equal([new SettingSynonym("ssl.key.password", null, SettingSource.StaticBroker)], entry.Synonyms);
    }
}
