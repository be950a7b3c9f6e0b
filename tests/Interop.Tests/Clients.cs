using System.Diagnostics;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>The clients that people use, in the order of how often.</summary>
public enum Client
{
    ConfluentPython,
    KafkaPython,
    Kcat,
    KafkaJs,
    Platformatic,
    NodeRdkafka,
}

/// <summary>Finds the clients on this machine and says how to start them.</summary>
internal static class Clients
{
    private const string NodeRdkafkaVariable = "ORLEANS_KAFKA_NODE_RDKAFKA";
    private const string HowToInstall = "tests/Interop.Tests/install-clients.sh installs it";

    /// <summary>Where the scripts are that run inside a client's own language.</summary>
    public static string ScriptFolder { get; } =
        Path.Combine(RepositoryFolder(), "tests", "Interop.Tests", "clients");

    private static readonly Lazy<string?> Kcat = new(() => FirstThatRuns(["-V"], "kcat", "kafkacat"));
    private static readonly Lazy<string?> KafkaPython = new(() => PythonWith("kafka"));
    private static readonly Lazy<string?> ConfluentPython = new(() => PythonWith("confluent_kafka"));
    private static readonly Lazy<string?> Node = new(
        () => FirstThatRuns(["--version"], Path.Combine(ScriptFolder!, "node_modules", ".bin", "node")));

    /// <summary>Compiled for the Node.js of the machine, which therefore runs it.</summary>
    private static readonly Lazy<string?> SystemNode = new(() => FirstThatRuns(["--version"], "node"));

    /// <summary>Where install-clients.sh puts node-rdkafka, unless the environment says otherwise.</summary>
    private static readonly string NodeRdkafkaFolder =
        Environment.GetEnvironmentVariable(NodeRdkafkaVariable) is { Length: > 0 } folder
            ? folder
            : Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "orleans-kafka", "node-rdkafka");

    /// <summary>The root of the repository.</summary>
    public static string RepositoryFolder()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Orleans.Kafka.sln")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException("the tests do not lie inside the repository");
    }

    /// <summary>Why a client cannot be run here; null when it can.</summary>
    public static string? WhyMissing(Client client) => client switch
    {
        Client.Kcat when Kcat.Value is null => $"kcat is not installed; {HowToInstall}",
        Client.KafkaPython when KafkaPython.Value is null => $"Python has no module kafka; {HowToInstall}",
        Client.ConfluentPython when ConfluentPython.Value is null
            => $"Python has no module confluent_kafka; {HowToInstall}",
        Client.KafkaJs when Node.Value is null || !HasPackage("kafkajs")
            => $"kafkajs is not installed; {HowToInstall}",
        Client.Platformatic when Node.Value is null || !HasPackage("@platformatic/kafka")
            => $"@platformatic/kafka is not installed; {HowToInstall}",
        Client.NodeRdkafka when SystemNode.Value is null || !File.Exists(Path.Combine(NodeRdkafkaFolder, ".installed"))
            => $"node-rdkafka is not compiled; {HowToInstall}",
        _ => null,
    };

    /// <summary>How a client ends that did what it was asked to; node-rdkafka by SIGKILL, which it sends itself.</summary>
    public static int ExitCode(Client client) => client == Client.NodeRdkafka ? 128 + 9 : 0;

    /// <summary>What a client finds in its environment.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Variables(Client client) =>
        client == Client.NodeRdkafka ? [new(NodeRdkafkaVariable, NodeRdkafkaFolder)] : [];

    /// <summary>The command line of a client, up to its own arguments.</summary>
    public static string[] Command(Client client)
    {
        if (WhyMissing(client) is { } reason)
        {
            throw new InvalidOperationException(reason);
        }

        return client switch
        {
            Client.Kcat => [Kcat.Value!],
            Client.KafkaPython => [KafkaPython.Value!, Script("kafka_python_client.py")],
            Client.ConfluentPython => [ConfluentPython.Value!, Script("confluent_client.py")],
            Client.KafkaJs => [Node.Value!, Script("kafkajs_client.mjs")],
            Client.NodeRdkafka => [SystemNode.Value!, Script("node_rdkafka_client.mjs")],
            _ => [Node.Value!, Script("platformatic_client.mjs")],
        };
    }

    private static string Script(string name) => Path.Combine(ScriptFolder, name);

    private static bool HasPackage(string name) =>
        File.Exists(Path.Combine(ScriptFolder, "node_modules", name, "package.json"));

    /// <summary>Debian's own interpreter comes first: others do not see the modules of Debian's packages.</summary>
    private static string? PythonWith(string module) =>
        FirstThatRuns(["-c", $"import {module}"], "/usr/bin/python3", "python3");

    private static string? FirstThatRuns(string[] arguments, params string[] programs) =>
        programs.FirstOrDefault(program => Runs(program, arguments));

    private static bool Runs(string program, string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
