namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>A place at which our answer is not Kafka's.</summary>
/// <param name="Pointer">
/// Where in the answer; items of lists without an order are named by their key. <c>/connection</c> for what became of the
/// connection, <c>/response_hex</c> for answers that are compared as bytes.
/// </param>
/// <param name="Kafka">What Kafka answers there.</param>
/// <param name="Ours">What this broker answers there.</param>
internal sealed record Difference(string Pointer, string Kafka, string Ours)
{
    public override string ToString() => $"{Pointer}: {Shorten(Kafka)} <> {Shorten(Ours)}";

    private static string Shorten(string text) => text.Length <= 120 ? text : text[..120] + "...";
}
