using Orleans.Kafka.LogTool;
using Orleans.Kafka.Storage;

const string Usage = """
    kafka-log verify DIR               look through a partition's directory or a log directory; changes nothing
    kafka-log dump [--records] PATH    show what a log directory, a partition's directory or one file holds
                                       (one JSON object a line)

    verify ends with 0 (clean), 1 (damage) or 2 (cannot read). A running broker writes while it is looked at:
    stop it first, or take what is said of the active segments with a grain of salt.
    """;

var environment = new LogEnvironment(PhysicalFileSystem.Instance, TimeProvider.System, new Random(0));
switch (args)
{
    case ["verify", var path]:
        return new DirectoryVerifier(environment, Console.Out).Run(path);
    case ["dump", "--records", var path]:
        return new PartitionDump(environment, Console.Out, withRecords: true).Run(path);
    case ["dump", var path]:
        return new PartitionDump(environment, Console.Out, withRecords: false).Run(path);
    default:
        Console.Error.WriteLine(Usage);
        return DirectoryVerifier.Unreadable;
}
