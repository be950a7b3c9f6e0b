using System.Diagnostics;

namespace Orleans.Kafka.Bench;

/// <summary>How our own broker is built and started.</summary>
internal static class Broker
{
    /// <summary>The command that starts the Release build, or null when there is none.</summary>
    public static string[]? Command(BenchOptions options)
    {
        if (!options.NoBuild)
        {
            Build();
        }

        var folder = Path.Combine(BenchOptions.Root, "artifacts", BenchOptions.Flavour, "bin", "Silo", "release");
        var program = Path.Combine(folder, "orleans-kafka");
        return File.Exists(program)
            ? [program, "--Kafka:listeners=PLAINTEXT://127.0.0.1:{port}", "--Kafka:log.dirs={dir}",
                .. options.BrokerArguments]
            : null;
    }

    private static void Build()
    {
        Console.Error.WriteLine("building the broker (Release) ...");
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = BenchOptions.Root };
        string[] arguments =
        [
            "build", "src/Silo", "-c", "Release", "-v", "q", "--nologo",
            $"-p:OrleansKafkaRuntime={BenchOptions.Flavour}",
        ];
        arguments.ToList().ForEach(start.ArgumentList.Add);

        // What MSBuild hands to the programs it runs must not reach a build inside one of them.
        start.Environment.Remove("MSBuildSDKsPath");
        start.Environment.Remove("MSBUILD_EXE_PATH");
        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new BenchException("the broker does not build");
        }
    }
}
