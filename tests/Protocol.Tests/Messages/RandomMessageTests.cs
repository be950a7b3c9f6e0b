using System.Text.Json;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Every declared message in every version, also those that no golden data covers.</summary>
public sealed class RandomMessageTests
{
    private const int Rounds = 3;

    [Fact]
    public void EveryVersion_EncodedAndDecoded_SaysTheSame()
    {
        foreach (var (name, min, max) in RandomMessage.Declared())
        {
            for (var version = min; version <= max; version++)
            {
                for (var seed = 0; seed < Rounds; seed++)
                {
                    AssertRoundTrip(name, version, seed);
                }
            }
        }
    }

    [Fact]
    public void UndeclaredVersion_Read_Fails()
    {
        foreach (var (name, min, max) in RandomMessage.Declared())
        {
            AssertRefuses(name, (short)(min - 1));
            AssertRefuses(name, (short)(max + 1));
        }
    }

    private static void AssertRefuses(string name, short version)
    {
        var reader = new KafkaReader(new byte[100]);
        Schema.Create(name).Read(ref reader, version);
        Assert.True(reader.Failed, $"{name} reads version {version}");
        Assert.Throws<ArgumentOutOfRangeException>(() => KafkaWriter.Measure(Schema.Create(name), version));
    }

    private static void AssertRoundTrip(string name, short version, int seed)
    {
        var message = RandomMessage.Create(name, version, seed);
        var bytes = MessageJson.Encode(message, version);
        var again = Schema.Create(name);
        var reader = new KafkaReader(Pieces.Of(bytes, 5 + seed));
        again.Read(ref reader, version);
        Assert.False(reader.Failed, $"{name} v{version} seed {seed} does not decode");
        Assert.Equal(0, reader.Remaining);
        Assert.True(
            MessageJson.IsSame(Show(message, version), Show(again, version)),
            $"{name} v{version} seed {seed}: {Show(message, version)} became {Show(again, version)}");
        Assert.Equal(bytes, MessageJson.Encode(again, version));
        Assert.Equal(bytes.Length, KafkaWriter.Measure(message, version));
    }

    private static JsonElement Show(IKafkaMessage message, short version) =>
        JsonSerializer.SerializeToElement(MessageJson.ToJson(message, version));
}
