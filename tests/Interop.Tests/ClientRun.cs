using System.Diagnostics;
using System.Text;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>One run of a client, from its start to its exit.</summary>
internal sealed class ClientRun : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Client _client;
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task<string> _output;

    private ClientRun(Client client, Process process, Action<string>? onLine)
    {
        _client = client;
        _process = process;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.BeginErrorReadLine();
        _output = onLine is null ? _process.StandardOutput.ReadToEndAsync() : ReadLinesAsync(onLine);
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a client and lets it run.</summary>
    public static ClientRun Start(Client client, params string[] arguments) => Start(client, null, arguments);

    /// <summary>Starts a client that tells something with every line it prints.</summary>
    public static ClientRun Start(Client client, Action<string>? onLine, string[] arguments)
    {
        var command = Clients.Command(client);
        var start = new ProcessStartInfo(command[0], [.. command[1..], .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Clients.ScriptFolder,
        };
        foreach ((string name, string value) in Clients.Variables(client))
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new ClientRun(client, process, onLine);
    }

    /// <summary>Runs a client to its end, fails the test unless it succeeds, and gives what it printed.</summary>
    public static async Task<string> FinishAsync(Client client, params string[] arguments)
    {
        using var run = Start(client, arguments);
        return await run.FinishAsync();
    }

    public async Task<string> FinishAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            Assert.Fail($"the client did not end within {Patience}. It said:\n{Errors()}");
        }

        var output = await _output;
        Assert.True(_process.ExitCode == Clients.ExitCode(_client), $"the client failed with {_process.ExitCode}:\n{Errors()}\n{Tail(output)}");
        return output;
    }

    /// <summary>Asks the client to come to an end (SIGTERM).</summary>
    public void AskToStop()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(null, null)]);
        kill.WaitForExit();
    }

    /// <summary>Ends the client as a power cut would (SIGKILL); what it had printed has been read on return.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _output;
    }

    /// <summary>The end of what it wrote to its standard error.</summary>
    public string Errors()
    {
        lock (_errors)
        {
            return Tail(_errors.ToString());
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private async Task<string> ReadLinesAsync(Action<string> onLine)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            onLine(line);
        }

        return "";
    }

    private static string Tail(string text) => text.Length < 2000 ? text : text[^2000..];
}
