using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Messages that end too early.</summary>
public sealed class TruncationTests
{
    private const int CutEverywhereUpTo = 2_000;
    private const int Stride = 61;

    /// <summary>Set to cut large messages at every byte as well, which takes a minute.</summary>
    private static readonly bool Everywhere = Environment.GetEnvironmentVariable("ORLEANS_KAFKA_FULL_SWEEP") is "1";

    [GoldenFact]
    public void Messages_CutAnywhere_Fail() =>
        _ = Sweep.Run(GoldenMessage.Apis().Concat(GoldenMessage.Records()), CutAnywhere);

    /// <summary>Every shorter body must be refused: no message of Kafka's is the beginning of another.</summary>
    internal static string? CutAnywhere(GoldenMessage golden)
    {
        for (var length = 0; length < golden.Body.Length; length += StepAt(golden, length))
        {
            var message = Schema.Create(golden.Name);
            var reader = new KafkaReader(golden.Body.AsMemory(0, length));
            message.Read(ref reader, golden.Version);
            if (!reader.Failed)
            {
                return $"decodes when cut to {length} of {golden.Body.Length} bytes";
            }
        }

        return null;
    }

    private static int StepAt(GoldenMessage golden, int length)
    {
        var isNearAnEnd = length < CutEverywhereUpTo || golden.Body.Length - length <= Stride * 2;
        return isNearAnEnd || Everywhere ? 1 : Stride;
    }
}
