using System.Diagnostics;

namespace Orleans.Kafka.Bench;

/// <summary>The C programs: the load driver and the bare server, compiled on the spot.</summary>
internal sealed class NativeTools
{
    private static readonly string[] DriverSources =
    [
        "kload.c", "driver.c", "setup.c", "wire.c", "bulk_produce.c", "bulk_fetch.c", "requests.c", "longpoll.c", "groups.c",
        "connect.c", "start.c",
    ];

    private static readonly string[] FloorSources = ["kfloor.c", "floor_answers.c", "group_flush.c", "wire.c"];

    private NativeTools(string directory)
    {
        Load = Path.Combine(directory, "kload");
        Floor = Path.Combine(directory, "kfloor");
    }

    public string Load { get; }

    public string Floor { get; }

    /// <summary>Null when there is no C compiler.</summary>
    public static NativeTools? Build()
    {
        var compiler = new[] { "cc", "gcc", "clang" }.FirstOrDefault(IsOnPath);
        if (compiler is null)
        {
            return null;
        }

        var target = Path.Combine(BenchOptions.Root, "artifacts", "bench", "native");
        Directory.CreateDirectory(target);
        var tools = new NativeTools(target);
        Compile(compiler, DriverSources, tools.Load);
        Compile(compiler, FloorSources, tools.Floor);
        return tools;
    }

    public static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static void Compile(string compiler, string[] sources, string target)
    {
        var folder = Path.Combine(BenchOptions.Root, "bench", "native");
        var start = new ProcessStartInfo(compiler) { WorkingDirectory = folder };
        foreach (var argument in (string[])["-O2", "-Wall", "-Wextra", "-pthread", "-o", target, .. sources])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new BenchException($"{compiler} could not build {Path.GetFileName(target)}");
        }
    }
}
