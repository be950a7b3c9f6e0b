namespace Orleans.Kafka.Protocol.Records;

/// <summary>Arithmetic of producer sequences, which count from 0 to 2^31-1 and start again at 0.</summary>
public static class ProducerSequence
{
    /// <summary>No sequence.</summary>
    public const int None = -1;

    /// <summary>The sequence <paramref name="count"/> records behind <paramref name="sequence"/>.</summary>
    public static int Add(int sequence, int count) => (int)((sequence + (long)count) & int.MaxValue);

    /// <summary>The sequence <paramref name="count"/> records before <paramref name="sequence"/>.</summary>
    public static int Subtract(int sequence, int count) => (int)((sequence - (long)count) & int.MaxValue);

    /// <summary>True if <paramref name="next"/> is what must follow <paramref name="last"/>.</summary>
    public static bool Follows(int last, int next) => next == last + 1L || (next == 0 && last == int.MaxValue);
}
