using System.Globalization;

namespace Orleans.Kafka.LogTool;

/// <summary>Something that <c>verify</c> found.</summary>
/// <param name="File">Path of the file, or of the directory.</param>
/// <param name="Position">Byte position in the file; -1 where none is meant.</param>
/// <param name="Offset">Record offset; -1 where none is meant or known.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Advice">What to do about it.</param>
internal sealed record Finding(string File, long Position, long Offset, string Problem, string Advice)
{
    /// <summary>
    /// Path of a file that says nothing but what the batches say, and says it wrong: a repair sets it aside, and the
    /// recovery makes it anew.
    /// </summary>
    public string? Derived { get; init; }

    /// <summary>Where it is.</summary>
    public string Place
    {
        get
        {
            var place = File;
            if (Position >= 0)
            {
                place += string.Create(CultureInfo.InvariantCulture, $", byte {Position}");
            }

            return Offset < 0 ? place : place + string.Create(CultureInfo.InvariantCulture, $", offset {Offset}");
        }
    }

    public override string ToString() => $"DAMAGE {Place}\n       {Problem}\n       -> {Advice}";
}

/// <summary>What to do, in the words of the report.</summary>
internal static class Advice
{
    public const string Reopen = "nothing: the broker makes it anew when it needs it";
    public const string Remake = "kafka-log repair: it is made anew from the batches";
    public const string Cut = "start the broker: it cuts here, keeps what it cuts in a .damaged file, and says so";
    public const string Copy = "a recovery that comes by here cuts all behind it; kafka-log repair --keep-rest cuts out only this";
    public const string Restore = "restore the missing files from a copy, if there is one";
    public const string Look = "compare with a copy or with another replica before the broker is started";
}
