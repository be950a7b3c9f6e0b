using System.Text.Json;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>All messages that a real Kafka encoded.</summary>
public sealed class GoldenMessageTests
{
    private const int MessagesInGoldenData = 3650;
    private const int RecordsInGoldenData = 300;

    [GoldenFact]
    public void ApiMessages_BothWays_AreKafkasBytes() =>
        Assert.InRange(Sweep.Run(GoldenMessage.Apis(), Sweep.BothWays), MessagesInGoldenData, int.MaxValue);

    [GoldenFact]
    public void CoordinatorRecords_BothWays_AreKafkasBytes() =>
        Assert.InRange(Sweep.Run(GoldenMessage.Records(), Sweep.BothWays), RecordsInGoldenData, int.MaxValue);

    [GoldenFact]
    public void FreshMessages_Encoded_AreKafkasFreshMessages()
    {
        var fresh = GoldenMessage.Apis().Concat(GoldenMessage.Records()).Where(golden => golden.Variant == "default");
        _ = Sweep.Run(fresh, golden => Sweep.Encodes(Schema.Create(golden.Name), golden));
    }

    [GoldenFact]
    public void Messages_InSmallSegments_DecodeAsInOne()
    {
        var some = GoldenMessage.Apis().Concat(GoldenMessage.Records()).Where(golden => !golden.HasUnknownTags);
        _ = Sweep.Run(some, golden => DecodeInSegments(golden, 1) ?? DecodeInSegments(golden, 7));
    }

    [GoldenFact]
    public void Versions_InCatalog_AreThoseOfKafka()
    {
        var text = File.ReadAllText(GoldenData.PathOf("messages", "versions.json"));
        foreach (var api in JsonSerializer.Deserialize<JsonElement>(text).EnumerateArray())
        {
            var key = (ApiKey)api.GetProperty("key").GetInt16();
            var min = api.GetProperty("min").GetInt16();
            Assert.Equal(api.GetProperty("api").GetString(), ApiCatalog.Name(key));
            Assert.Equal(min, ApiCatalog.MinVersion(key));
            Assert.Equal(api.GetProperty("maxStable").GetInt16(), ApiCatalog.MaxVersion(key));
            Assert.Equal(api.GetProperty("advertisedMin").GetInt16(), ApiCatalog.AdvertisedMinVersion(key));
            var listeners = api.GetProperty("listeners").EnumerateArray().Select(name => name.GetString()).ToList();
            Assert.Equal(listeners.Contains("broker"), ApiCatalog.IsOnBroker(key));
            Assert.Equal(listeners.Contains("controller"), ApiCatalog.IsOnController(key));
            AssertHeaders(key, min, api);
        }
    }

    private static void AssertHeaders(ApiKey key, short min, JsonElement api)
    {
        var requests = api.GetProperty("requestHeaderVersions");
        var responses = api.GetProperty("responseHeaderVersions");
        for (var i = 0; i < requests.GetArrayLength(); i++)
        {
            var version = (short)(min + i);
            Assert.Equal(requests[i].GetInt16(), ApiCatalog.RequestHeaderVersion(key, version));
            Assert.Equal(responses[i].GetInt16(), ApiCatalog.ResponseHeaderVersion(key, version));
        }
    }

    private static string? DecodeInSegments(GoldenMessage golden, int size)
    {
        var message = Schema.Create(golden.Name);
        var reader = new KafkaReader(Pieces.Of(golden.Body, size));
        message.Read(ref reader, golden.Version);
        if (reader.Failed || reader.Remaining > 0)
        {
            return $"in segments of {size}: failed {reader.Failed}, {reader.Remaining} left";
        }

        return Sweep.Encodes(message, golden);
    }
}
