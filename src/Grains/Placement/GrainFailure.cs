namespace Orleans.Kafka.Grains.Placement;

/// <summary>Tells a grain call that failed because a silo is away, which is ordinary, from one that met a mistake.</summary>
public static class GrainFailure
{
    private const int TextMax = 200;

    /// <summary>True when the call found no silo to run on, lost it, or waited in vain.</summary>
    public static bool IsAbsence(Exception exception) =>
        exception is TimeoutException or OrleansMessageRejectionException or BrokerNotAvailableException;

    /// <summary>
    /// True when the same call may succeed later: an absence, or a grain storage that cannot be written or was written by
    /// somebody else.
    /// </summary>
    public static bool MayPass(Exception exception) => IsAbsence(exception) || exception is OrleansException;

    /// <summary>
    /// The exception to log: none for an absence, whose stack says nothing that <see cref="InOneLine"/> does not say.
    /// </summary>
    public static Exception? ToLog(Exception exception) => IsAbsence(exception) ? null : exception;

    /// <summary>What happened, in one line: Orleans puts whole stacks into its messages.</summary>
    public static string InOneLine(Exception exception)
    {
        ReadOnlySpan<char> text = exception.Message;
        int end = text.IndexOfAny('\r', '\n');
        text = (end < 0 ? text : text[..end]).Trim();
        string shown = text.Length > TextMax ? $"{text[..TextMax]}..." : text.ToString();
        return $"{exception.GetType().Name}: {shown}";
    }
}
