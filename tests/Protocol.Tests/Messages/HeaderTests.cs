using System.Buffers;
using System.Text.Json;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Request and response headers.</summary>
public sealed class HeaderTests
{
    [Fact]
    public void Headers_OfSelection_AreKafkasBytes() =>
        AssertHeaders(Path.Combine(AppContext.BaseDirectory, "Messages", "golden", "headers.jsonl"), 9);

    [GoldenFact]
    public void Headers_OfEveryApiAndVersion_AreKafkasBytes() =>
        AssertHeaders(GoldenData.PathOf("messages", "headers.jsonl"), 1_100);

    [GoldenFact]
    public void HeaderMessages_BothWays_AreKafkasBytes()
    {
        foreach (var line in GoldenData.Lines(GoldenData.PathOf("messages", "header-messages.jsonl")))
        {
            var bytes = Convert.FromHexString(line.GetProperty("hex").GetString()!);
            var version = line.GetProperty("headerVersion").GetInt16();
            if (line.GetProperty("kind").GetString() == "RequestHeader")
            {
                AssertRequestHeader(line, bytes, version, line.GetProperty("variant").GetString() == "unknown-tags");
            }
        }
    }

    [Fact]
    public void RequestHeader_ClientIdLengthMinusTwo_IsNull()
    {
        var reader = new KafkaReader(Convert.FromHexString("0012000000000007fffe"));
        Assert.True(RequestHeader.TryRead(ref reader, out var header));
        Assert.Equal(7, header.CorrelationId);
        Assert.Null(header.ClientId);
    }

    [Fact]
    public void RequestHeader_SameClientIdAgain_GivesTheSameString()
    {
        var bytes = Convert.FromHexString("001200000000000700036b6361");
        var known = new string("kca".ToCharArray());
        var reader = new KafkaReader(bytes);
        Assert.True(RequestHeader.TryRead(ref reader, out var header, known));
        Assert.Same(known, header.ClientId);
        Assert.Equal(0, reader.Remaining);

        var other = new KafkaReader(bytes);
        Assert.True(RequestHeader.TryRead(ref other, out header, "kcb"));
        Assert.Equal("kca", header.ClientId);
    }

    [Fact]
    public void RequestHeader_CutAnywhere_Fails()
    {
        var bytes = Convert.FromHexString("001200030000000700036b636100");
        for (var length = 0; length < bytes.Length; length++)
        {
            var reader = new KafkaReader(bytes.AsMemory(0, length));
            Assert.False(RequestHeader.TryRead(ref reader, out _));
        }
    }

    private static void AssertHeaders(string path, int atLeast)
    {
        var count = 0;
        foreach (var line in GoldenData.Lines(path))
        {
            count++;
            var bytes = Convert.FromHexString(line.GetProperty("hex").GetString()!);
            var key = (ApiKey)line.GetProperty("key").GetInt16();
            var version = line.GetProperty("version").GetInt16();
            if (line.GetProperty("kind").GetString() == "request-header")
            {
                AssertRequestHeader(line, bytes, ApiCatalog.RequestHeaderVersion(key, version), hasUnknownTags: false);
                continue;
            }

            var reader = new KafkaReader(bytes);
            Assert.True(ResponseHeader.TryRead(ref reader, key, version, out var correlationId));
            Assert.Equal(0, reader.Remaining);
            Assert.Equal(line.GetProperty("json").GetProperty("correlationId").GetInt32(), correlationId);
            var output = new ArrayBufferWriter<byte>();
            var writer = new KafkaWriter(output);
            ResponseHeader.Write(ref writer, key, version, correlationId);
            writer.Complete();
            Assert.Equal(bytes, output.WrittenSpan.ToArray());
        }

        Assert.InRange(count, atLeast, int.MaxValue);
    }

    private static void AssertRequestHeader(JsonElement line, byte[] bytes, short headerVersion, bool hasUnknownTags)
    {
        var json = line.GetProperty("json");
        var reader = new KafkaReader(bytes);
        var key = (ApiKey)reader.ReadInt16();
        var version = reader.ReadInt16();
        Assert.True(RequestHeader.TryReadRest(ref reader, key, version, headerVersion, null, out var header));
        Assert.Equal(0, reader.Remaining);
        Assert.Equal(headerVersion, line.GetProperty("headerVersion").GetInt16());
        Assert.Equal(json.GetProperty("requestApiKey").GetInt16(), (short)header.ApiKey);
        Assert.Equal(json.GetProperty("requestApiVersion").GetInt16(), header.ApiVersion);
        Assert.Equal(json.GetProperty("correlationId").GetInt32(), header.CorrelationId);
        Assert.Equal(json.GetProperty("clientId").GetString(), header.ClientId);

        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        header.Write(ref writer, headerVersion);
        writer.Complete();
        if (!hasUnknownTags)
        {
            Assert.Equal(bytes, output.WrittenSpan.ToArray());
        }
    }
}
