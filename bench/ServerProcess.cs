using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Orleans.Kafka.Bench;

/// <summary>
/// A server under measurement: pinned to core 1, with a data directory of its own, killed at the end.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    private Process? _process;
    private readonly string? _directory;
    private readonly StreamWriter? _output;

    private ServerProcess(Process process, string directory, int port)
    {
        _process = process;
        _directory = directory;
        Port = port;
        ProcessId = process.Id;
        _output = new StreamWriter(directory + ".out") { AutoFlush = true };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public ServerProcess(string host, int port, int processId) => (Host, Port, ProcessId) = (host, port, processId);

    public string Host { get; } = "127.0.0.1";

    public int Port { get; }

    public int ProcessId { get; }

    /// <summary>
    /// Starts <paramref name="command"/>, in which {port} and {dir} are replaced. <paramref name="pinned"/>: it stays
    /// on core 1; taskset replaces itself by the command, so the process id is the server's own.
    /// </summary>
    public static ServerProcess Start(string dataRoot, bool pinned, params string[] command)
    {
        var port = FreePort();
        var directory = Path.Combine(dataRoot, $"{Path.GetFileNameWithoutExtension(command[0])}-{port}");
        Directory.CreateDirectory(directory);
        var words = command.Select(word => word
            .Replace("{port}", port.ToString(), StringComparison.Ordinal)
            .Replace("{dir}", directory, StringComparison.Ordinal)).ToList();
        if (pinned && Machine.CanPin)
        {
            words.InsertRange(0, ["taskset", "-c", "1"]);
        }

        var start = new ProcessStartInfo(words[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };
        words.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        return new ServerProcess(Process.Start(start)!, directory, port);
    }

    public void WaitForPort(TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, Port);
                return;
            }
            catch (SocketException) when (clock.Elapsed < limit && _process is { HasExited: false })
            {
                Thread.Sleep(5);
            }
            catch (SocketException)
            {
                throw new BenchException($"the server does not listen on port {Port}: {LastLine()}");
            }
        }
    }

    /// <summary>Takes its segments, which must be on disk, out of the page cache: what follows finds the same room.</summary>
    public void ForgetPages()
    {
        if (_directory is null)
        {
            return;
        }

        foreach (var file in Directory.EnumerateFiles(_directory, "*.log", SearchOption.AllDirectories))
        {
            Machine.ForgetPages(file);
        }
    }

    public void Dispose()
    {
        if (_process is null || _directory is null)
        {
            return;
        }

        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
        _output!.Dispose();
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private string LastLine()
    {
        var file = _directory + ".out";
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd().Trim();
        return text.Length == 0 ? "it said nothing" : text[(text.LastIndexOf('\n') + 1)..];
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        try
        {
            _output!.WriteLine(line.Data);
        }
        catch (ObjectDisposedException)
        {
            // The server is being killed; its last words do not matter.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
