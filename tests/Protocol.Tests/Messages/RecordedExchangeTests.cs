using System.Text.Json;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Frames that went between clients, brokers and a real Kafka.</summary>
public sealed class RecordedExchangeTests
{
    private const int LengthPrefix = 4;

    [GoldenTheory]
    [InlineData("wire", 1_000)]
    [InlineData("cluster", 100)]
    public void Frames_Decoded_SayWhatWasRecorded(string folder, int atLeast)
    {
        var complaints = new List<string>();
        var count = 0;
        foreach (var path in Directory.EnumerateFiles(GoldenData.PathOf(folder), "*.jsonl*"))
        {
            foreach (var line in GoldenData.Lines(path))
            {
                count += Check(line, complaints) ? 1 : 0;
            }
        }

        Assert.True(complaints.Count == 0, string.Join('\n', complaints.Take(10)));
        Assert.InRange(count, atLeast, int.MaxValue);
    }

    private static bool Check(JsonElement line, List<string> complaints)
    {
        if (!Has(line, "response_hex", JsonValueKind.String) || !Has(line, "response_json", JsonValueKind.Object))
        {
            return false;
        }

        var key = (ApiKey)line.GetProperty("key").GetInt16();
        var version = line.GetProperty("version").GetInt16();
        var frame = Convert.FromHexString(line.GetProperty("response_hex").GetString()!);
        var reader = new KafkaReader(frame.AsMemory(LengthPrefix));
        Assert.True(ResponseHeader.TryRead(ref reader, key, version, out _));

        // A version of ApiVersions that the broker does not know is answered in version 0 (KIP-511).
        version = version > ApiCatalog.MaxVersion(key) ? (short)0 : version;
        var body = ApiCatalog.CreateResponse(key)!;
        body.Read(ref reader, version);
        var shown = JsonSerializer.SerializeToElement(MessageJson.ToJson(body, version));
        if (reader.Failed || reader.Remaining > 0 || !MessageJson.IsSame(shown, line.GetProperty("response_json")))
        {
            complaints.Add($"{key} v{version} seq {line.GetProperty("seq")}: {shown} instead of {line.GetRawText()}");
        }

        return CheckRequest(line, key, complaints);
    }

    private static bool CheckRequest(JsonElement line, ApiKey key, List<string> complaints)
    {
        if (!Has(line, "request_hex", JsonValueKind.String) || !Has(line, "request_json", JsonValueKind.Object))
        {
            return true;
        }

        var frame = Convert.FromHexString(line.GetProperty("request_hex").GetString()!);
        var reader = new KafkaReader(frame.AsMemory(LengthPrefix));
        Assert.True(RequestHeader.TryRead(ref reader, out var header));
        var body = ApiCatalog.CreateRequest(key)!;
        body.Read(ref reader, header.ApiVersion);
        var shown = JsonSerializer.SerializeToElement(MessageJson.ToJson(body, header.ApiVersion));
        if (reader.Failed || !MessageJson.IsSame(shown, line.GetProperty("request_json")))
        {
            complaints.Add($"{header} seq {line.GetProperty("seq")}: {shown} instead of {line.GetRawText()}");
        }

        return true;
    }

    private static bool Has(JsonElement line, string name, JsonValueKind kind) =>
        line.TryGetProperty(name, out var value) && value.ValueKind == kind;
}
