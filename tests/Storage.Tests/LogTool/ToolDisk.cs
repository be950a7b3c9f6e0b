using System.Text;
using System.Text.Json.Nodes;
using Orleans.Kafka.LogTool;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>The log directory <c>/data</c> and the tool that looks at it.</summary>
internal static class ToolDisk
{
    public static readonly KafkaUuid TopicId = new(0x0123456789abcdef, 0x8000000000000001);

    /// <summary>A directory with one log of twelve records, cleanly closed.</summary>
    public static TestDisk WithOneLog(LogConfig? config = null, bool isClean = true)
    {
        var disk = new TestDisk();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        var log = directory.OpenPartition("topic", 0, TopicId, config ?? LogConfig.Default);
        for (var i = 0; i < 12; i++)
        {
            Batches.MustAppend(log, Batches.Plain());
        }

        log.Flush();
        if (isClean)
        {
            Assert.True(directory.Close());
        }
        else
        {
            directory.WriteCheckpoints();
        }

        return disk;
    }

    public static (int Code, string Report) Verify(TestDisk disk, string path)
    {
        var output = new StringWriter();
        var code = new DirectoryVerifier(disk.Environment, output).Run(path);
        return (code, output.ToString().ReplaceLineEndings("\n"));
    }

    /// <summary>Runs the command line.</summary>
    public static (int Code, string Output) Run(TestDisk disk, params string[] args) => Run(disk.Environment, args);

    public static (int Code, string Output) Run(LogEnvironment environment, params string[] args)
    {
        var output = new StringWriter();
        var code = KafkaLogCommand.Run(args, environment, output, output);
        return (code, output.ToString().ReplaceLineEndings("\n"));
    }

    public static List<JsonNode> Dump(TestDisk disk, string path)
    {
        var output = new StringWriter();
        Assert.Equal(DirectoryVerifier.Clean, new PartitionDump(disk.Environment, output, withRecords: false).Run(path));
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!)];
    }

    public static void Write(TestDisk disk, string path, string text) => Write(disk, path, Encoding.UTF8.GetBytes(text));

    public static void Write(TestDisk disk, string path, byte[] bytes)
    {
        disk.Files.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = disk.Files.Open(path, FileOpen.CreateEmpty);
        file.Write(bytes, 0);
        file.Flush();
    }

    /// <summary>Every file below a directory with what it holds.</summary>
    public static List<(string Path, string Content)> Contents(TestDisk disk, string directory) =>
        [.. disk.Files.List(directory).OrderBy(e => e.Name, StringComparer.Ordinal).SelectMany(e =>
        {
            var path = $"{directory}/{e.Name}";
            return e.IsDirectory
                ? Contents(disk, path)
                : [(path, Convert.ToHexString(disk.Files.ReadAll(path, int.MaxValue) ?? []))];
        })];
}
