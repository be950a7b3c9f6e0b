using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>The command line.</summary>
internal static class KafkaLogCommand
{
    private const string Usage = """
        kafka-log verify DIR               look through a partition's directory or a log directory; changes nothing
        kafka-log repair [--yes] DIR       recover a stopped broker's log directory, or one partition; tells what
                                           it would do, and does it only with --yes. What is cut off is kept
                                           beside as .damaged
          --keep-rest                      cut out only what is damaged: the log goes on behind it
          --topic-id ID                    write this topic id into the partition's metadata
        kafka-log dump [--records] PATH    show what a log directory, a partition's directory or one file holds
                                           (one JSON object a line)

        verify ends with 0 (clean), 1 (damage) or 2 (cannot read). A running broker writes while it is looked at:
        stop it first, or take what is said of the active segments with a grain of salt.
        repair ends with 0 (nothing to do, or done and clean), 1 (something is to be done, or stays wrong) or 2 (cannot
        be done: a broker runs, the disk fails).
        """;

    /// <returns>The exit code.</returns>
    public static int Run(string[] args, LogEnvironment environment, TextWriter output, TextWriter errors)
    {
        switch (args)
        {
            case ["verify", var path]:
                return new DirectoryVerifier(environment, output).Run(path);
            case ["dump", "--records", var path]:
                return new PartitionDump(environment, output, withRecords: true).Run(path);
            case ["dump", var path]:
                return new PartitionDump(environment, output, withRecords: false).Run(path);
            case ["repair", .. var rest] when TryRequest(rest, out var request):
                return new DirectoryRepair(environment, output, request).Run();
            default:
                errors.WriteLine(Usage);
                return DirectoryVerifier.Unreadable;
        }
    }

    private static bool TryRequest(string[] args, out RepairRequest request)
    {
        request = new RepairRequest("", IsAgreed: false, KeepsRest: false, TopicId: null);
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--yes")
            {
                request = request with { IsAgreed = true };
            }
            else if (args[i] == "--keep-rest")
            {
                request = request with { KeepsRest = true };
            }
            else if (args[i] == "--topic-id" && i + 1 < args.Length && KafkaUuid.TryParse(args[i + 1], out var id))
            {
                request = request with { TopicId = id };
                i++;
            }
            else if (request.Path.Length == 0 && !args[i].StartsWith("--", StringComparison.Ordinal))
            {
                request = request with { Path = args[i] };
            }
            else
            {
                return false;
            }
        }

        return request.Path.Length > 0;
    }
}
