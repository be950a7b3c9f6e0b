using System.Globalization;

namespace Orleans.Kafka.Storage;

/// <summary>Names of the files in a partition's directory: base offset in 20 digits, then what it is.</summary>
internal static class LogFileName
{
    public const string Log = ".log";
    public const string Index = ".index";
    public const string TimeIndex = ".timeindex";
    public const string TransactionIndex = ".txnindex";
    public const string Snapshot = ".snapshot";
    public const string Deleted = ".deleted";
    public const string Cleaned = ".cleaned";
    public const string Swap = ".swap";
    public const string Damaged = ".damaged";

    /// <summary>The indexes of the segment are being made anew: they are not to be believed, however whole they look.</summary>
    public const string Rebuilding = ".rebuilding";
    public const string LeaderEpochs = "leader-epoch-checkpoint";
    public const string PartitionMetadata = "partition.metadata";

    /// <summary>A flush failed: what is in the page cache may never reach the disk, whatever later flushes say.</summary>
    public const string LostFlush = "lost-flush";

    private const int Digits = 20;

    public static string PathOf(string directory, long offset, string suffix) =>
        Path.Join(directory, offset.ToString("D20", CultureInfo.InvariantCulture) + suffix);

    /// <summary>
    /// Renames a file that is to be removed. One of the same segment may wait already, and a reader may have it open:
    /// then another number goes in between, since a name that is in use cannot be given away everywhere.
    /// </summary>
    /// <returns>The new path.</returns>
    public static string MoveAway(IFileSystem files, string path)
    {
        var target = path + Deleted;
        for (var i = 1; files.FileExists(target); i++)
        {
            target = string.Create(CultureInfo.InvariantCulture, $"{path}.{i}{Deleted}");
        }

        files.RenameFile(path, target);
        return target;
    }

    /// <summary>Takes a name apart; false if it is not twenty digits and one of the suffixes above.</summary>
    public static bool TryParse(string name, out long offset, out string suffix)
    {
        offset = 0;
        suffix = "";
        if (name.Length <= Digits || name[Digits] != '.'
            || !long.TryParse(name.AsSpan(0, Digits), NumberStyles.None, CultureInfo.InvariantCulture, out offset))
        {
            return false;
        }

        suffix = name[Digits..];
        return true;
    }
}
