using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>A broker in its own process, with its data in a temporary directory that goes with it.</summary>
internal sealed class BrokerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly string[] _settings;
    private readonly int _port = FreePort();
    private readonly StringBuilder _log = new();
    private Process? _process;

    private BrokerProcess(string[] settings) => _settings = settings;

    /// <summary>The directory with the broker's partitions.</summary>
    public string DataFolder { get; } =
        Path.Combine(Path.GetTempPath(), "orleans-kafka-interop", Path.GetRandomFileName());

    public string Bootstrap => $"127.0.0.1:{_port}";

    /// <summary>What the broker logged, of all its lives.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Starts a broker with further settings, as <c>log.segment.bytes=1048576</c>.</summary>
    public static async Task<BrokerProcess> StartAsync(params string[] settings)
    {
        var broker = new BrokerProcess(settings);
        Directory.CreateDirectory(broker.DataFolder);
        await broker.StartAgainAsync();
        return broker;
    }

    /// <summary>Starts the broker on the same port and the same data.</summary>
    public async Task StartAgainAsync()
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, "orleans-kafka.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            ArgumentList =
            {
                assembly,
                $"--Kafka:listeners=PLAINTEXT://127.0.0.1:{_port}",
                $"--Kafka:log.dirs={DataFolder}",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var setting in _settings)
        {
            start.ArgumentList.Add($"--Kafka:{setting}");
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Remember(line.Data);
        _process.ErrorDataReceived += (_, line) => Remember(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitUntilItListensAsync(_process);
    }

    /// <summary>Ends the broker as a power cut would (SIGKILL).</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }

        Directory.Delete(DataFolder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task WaitUntilItListensAsync(Process process)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, _port);
                return;
            }
            catch (SocketException)
            {
                Assert.False(process.HasExited, $"the broker ended by itself:\n{Log}");
                Assert.True(Stopwatch.GetElapsedTime(started) < StartPatience, $"the broker does not listen:\n{Log}");
                await Task.Delay(20);
            }
        }
    }

    private void Remember(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
