using System.Text.Json.Nodes;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Wire.Tests.Replay;

namespace Orleans.Kafka.Wire.Tests.Recording;

/// <summary>The replay reads and writes what was recorded without loss.</summary>
public sealed class WireRecordingTests
{
    [GoldenFact]
    public void Recording_EveryExchange_IsReadAndWrittenAsRecorded()
    {
        var wrong = new List<string>();
        var compared = 0;
        foreach (var exchange in WireRecording.Load(GoldenData.Root!))
        {
            if (exchange.Request is { } request && Body(exchange, request) is { } body)
            {
                compared++;
                if (!exchange.RequestFrame.AsSpan().EndsWith(body))
                {
                    wrong.Add($"request of {exchange}");
                }
            }

            if (exchange.Response is { } response)
            {
                compared++;
                var json = WireMessages.DecodeResponse(
                    exchange.Key, exchange.Version, exchange.ResponseVersion, exchange.ResponseFrame.AsMemory(4));
                if (!JsonNode.DeepEquals(json, response))
                {
                    wrong.Add($"answer of {exchange}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(20)));
        Assert.True(compared > 5000, $"Only {compared} messages were compared.");
    }

    private static byte[]? Body(WireExchange exchange, JsonNode request) =>
        WireMessages.EncodeRequest(exchange.Key, exchange.Version, request);
}
