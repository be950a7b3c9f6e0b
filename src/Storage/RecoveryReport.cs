namespace Orleans.Kafka.Storage;

/// <summary>What opening a log came to.</summary>
/// <param name="BytesRead">Bytes of <c>.log</c> files read to find out whether they are whole.</param>
/// <param name="BytesCut">Bytes cut off or set aside because no whole batch lies there.</param>
/// <param name="SegmentsSetAside">Segments behind the damage, renamed to <c>.damaged</c>.</param>
/// <param name="IndexesRebuilt">Segments whose indexes were made anew.</param>
/// <param name="Scanned">The log was read from its recovery point on; false if its shutdown was clean.</param>
public readonly record struct RecoveryReport(
    long BytesRead, long BytesCut, int SegmentsSetAside, int IndexesRebuilt, bool Scanned)
{
    /// <summary>Nothing had to be done.</summary>
    public static RecoveryReport Empty => default;

    /// <summary>Something was wrong.</summary>
    public bool FoundDamage => BytesCut > 0 || SegmentsSetAside > 0;
}
