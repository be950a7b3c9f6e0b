using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Orleans.Kafka.Wire.Tests.Recording;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>What came of one exchange.</summary>
/// <param name="Exchange">The recorded exchange.</param>
/// <param name="Skipped">Why it was left out; null when it was replayed.</param>
/// <param name="Differences">Where our answer is not Kafka's; null when the recording says not to compare.</param>
internal sealed record ReplayOutcome(WireExchange Exchange, string? Skipped, IReadOnlyList<Difference>? Differences);

/// <summary>Sends recorded requests to a broker, in their order, and compares what comes back.</summary>
internal sealed class ReplayRun : IDisposable
{
    private const int RepeatsMax = 200;
    private static readonly TimeSpan RepeatPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long nothing must come where Kafka sent nothing.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(150);

    private readonly int _port;
    private readonly IReadOnlyDictionary<string, string> _own;
    private readonly AnswerComparison _comparison;
    private readonly TemplateFiller _filler = new();
    private readonly Dictionary<int, WireConnection> _connections = [];
    private readonly List<WireExchange> _unread = [];
    private string _scenario = "";

    /// <param name="port">Where the broker listens.</param>
    /// <param name="own">What belongs to the recorded broker, and what stands in its place here.</param>
    public ReplayRun(int port, IReadOnlyDictionary<string, string> own)
    {
        _port = port;
        _own = own;
        _comparison = new AnswerComparison(own);
    }

    public async Task<List<ReplayOutcome>> RunAsync(IEnumerable<WireExchange> exchanges, ReplayPlan plan)
    {
        var outcomes = new List<ReplayOutcome>();
        foreach (var exchange in exchanges)
        {
            if (plan.Reason(exchange) is { } reason)
            {
                outcomes.Add(new ReplayOutcome(exchange, reason, null));
                continue;
            }

            if (exchange.Scenario != _scenario)
            {
                BeginScenario(exchange.Scenario);
            }

            if (exchange.AnswerReadAfter is not null)
            {
                await Task.Delay(exchange.WaitBefore);
                await Connection(exchange.Connection).SendAsync(RequestFrame(exchange), exchange.ShutsDownSending);
                _unread.Add(exchange);
                continue;
            }

            outcomes.Add(Outcome(exchange, await TryAsync(() => ReplayAsync(exchange))));
            foreach (var parked in _unread.Where(each => each.AnswerReadAfter <= exchange.Seq).ToList())
            {
                _unread.Remove(parked);
                outcomes.Add(Outcome(parked, await TryAsync(() => ReadAnswerAsync(parked))));
            }
        }

        return outcomes;
    }

    private static ReplayOutcome Outcome(WireExchange exchange, List<Difference> differences) =>
        new(exchange, null, exchange.IsUnstable ? null : differences);

    private static async Task<List<Difference>> TryAsync(Func<Task<List<Difference>>> replay)
    {
        try
        {
            return await replay();
        }
        catch (InvalidOperationException exception)
        {
            return [new Difference("/request", "sent", exception.Message)];
        }
    }

    public void Dispose() => CloseAll();

    private void BeginScenario(string scenario)
    {
        CloseAll();
        _unread.Clear();
        _filler.BeginScenario();
        _scenario = scenario;
    }

    private void CloseAll()
    {
        foreach (var connection in _connections.Values)
        {
            connection.Dispose();
        }

        _connections.Clear();
    }

    private async Task<List<Difference>> ReplayAsync(WireExchange exchange)
    {
        await Task.Delay(exchange.WaitBefore);
        var frame = RequestFrame(exchange);
        for (var repeat = 0; ; repeat++)
        {
            var differences = await ExchangeAsync(exchange, frame);
            if (differences.Count == 0 || !exchange.IsRepeated || repeat == RepeatsMax)
            {
                return differences;
            }

            await Task.Delay(RepeatPause);
        }
    }

    private byte[] RequestFrame(WireExchange exchange)
    {
        if (exchange.Request is null || exchange.Template is null)
        {
            return exchange.RequestFrame;
        }

        var recordedBody = WireMessages.EncodeRequest(exchange.Key, exchange.Version, exchange.Request);
        if (!exchange.RequestFrame.AsSpan().EndsWith(recordedBody))
        {
            throw new InvalidOperationException("The recorded request does not encode to the recorded bytes.");
        }

        var header = exchange.RequestFrame.AsSpan(4, exchange.RequestFrame.Length - recordedBody.Length - 4);
        var body = WireMessages.EncodeRequest(exchange.Key, exchange.Version, _filler.Fill(exchange));
        var frame = new byte[4 + header.Length + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, header.Length + body.Length);
        header.CopyTo(frame.AsSpan(4));
        body.CopyTo(frame, 4 + header.Length);
        return frame;
    }

    private async Task<List<Difference>> ExchangeAsync(WireExchange exchange, byte[] frame)
    {
        await Connection(exchange.Connection).SendAsync(frame, exchange.ShutsDownSending);
        return await ReadAnswerAsync(exchange);
    }

    private async Task<List<Difference>> ReadAnswerAsync(WireExchange exchange)
    {
        var connection = Connection(exchange.Connection);
        if (exchange.ResponseFrame is null)
        {
            return await ExpectSilenceAsync(exchange, connection);
        }

        var answer = await connection.ReadFrameAsync(AnswerTimeout);
        if (answer is null)
        {
            return [new Difference("/connection", "answers", connection.IsClosed ? "closed" : "no answer")];
        }

        var differences = exchange.Response is null
            ? await CompareBytesAsync(exchange, connection, answer)
            : CompareAnswer(exchange, answer);
        if (exchange.End == "closed")
        {
            differences.AddRange(await ExpectCloseAsync(connection));
        }

        return differences;
    }

    private WireConnection Connection(int number)
    {
        if (!_connections.TryGetValue(number, out var connection) || connection.IsClosed)
        {
            connection?.Dispose();
            connection = _connections[number] = new WireConnection(_port);
        }

        return connection;
    }

    private static async Task<List<Difference>> ExpectSilenceAsync(WireExchange exchange, WireConnection connection)
    {
        if (exchange.End == "closed")
        {
            return await ExpectCloseAsync(connection);
        }

        var answer = await connection.ReadFrameAsync(Silence);
        return answer is not null ? [new Difference("/connection", exchange.End, "answers")]
            : connection.IsClosed ? [new Difference("/connection", exchange.End, "closed")]
            : [];
    }

    private static async Task<List<Difference>> ExpectCloseAsync(WireConnection connection)
    {
        var answer = await connection.ReadFrameAsync(AnswerTimeout);
        return answer is not null ? [new Difference("/connection", "closed", "answers")]
            : connection.IsClosed ? []
            : [new Difference("/connection", "closed", "open")];
    }

    private List<Difference> CompareAnswer(WireExchange exchange, byte[] answer)
    {
        var correlation = exchange.ResponseFrame.AsSpan(4, 4);
        if (!answer.AsSpan(4, 4).SequenceEqual(correlation))
        {
            return [new Difference(
                "/correlation", Convert.ToHexString(correlation), Convert.ToHexString(answer.AsSpan(4, 4)))];
        }

        JsonNode response;
        try
        {
            response = WireMessages.DecodeResponse(
                exchange.Key, exchange.Version, exchange.ResponseVersion, answer.AsMemory(4));
        }
        catch (FormatException exception)
        {
            return [new Difference("/response", "parses", exception.Message)];
        }

        _filler.Keep(exchange, response);
        return _comparison.Compare(exchange, response);
    }

    /// <summary>Bytes that need not be a request may have more than one answer.</summary>
    private async Task<List<Difference>> CompareBytesAsync(WireExchange exchange, WireConnection connection, byte[] first)
    {
        var answer = new List<byte>(first);
        while (answer.Count < exchange.ResponseFrame!.Length
            && await connection.ReadFrameAsync(Silence) is { } next)
        {
            answer.AddRange(next);
        }

        var expected = Encoding.Latin1.GetString(exchange.ResponseFrame!);
        foreach (var (theirs, ours) in _own)
        {
            var isPort = theirs == WireRecording.Port;
            expected = expected.Replace(
                isPort ? Port(theirs) : theirs, isPort ? Port(ours) : ours, StringComparison.Ordinal);
        }

        var actual = Encoding.Latin1.GetString([.. answer]);
        return exchange.Varies.Contains("response_hex") || expected == actual
            ? []
            : [new Difference("/response_hex", Hex(expected), Hex(actual))];
    }

    /// <summary>A port as an answer has it: an int32.</summary>
    private static string Port(string port)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, int.Parse(port, CultureInfo.InvariantCulture));
        return Encoding.Latin1.GetString(bytes);
    }

    private static string Hex(string latin1) => Convert.ToHexString(Encoding.Latin1.GetBytes(latin1));
}
