using System.Globalization;

namespace Orleans.Kafka.Bench;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is ["--bare-server", var port])
        {
            BareServer.Run(int.Parse(port, CultureInfo.InvariantCulture));
            return 0;
        }

        try
        {
            return Run(BenchOptions.Parse(arguments));
        }
        catch (BenchException exception)
        {
            Console.Error.WriteLine($"bench: {exception.Message}");
            return 1;
        }
    }

    private static int Run(BenchOptions options)
    {
        var tools = NativeTools.Build();
        if (tools is null)
        {
            throw new BenchException(
                "no C compiler (cc, gcc or clang) on the PATH: the load driver and the floors are C programs. "
                + "Install one, for example with: apt-get install gcc libc6-dev");
        }

        var needsBroker = !options.FloorsOnly && options.External is null
            && !options.WantsOnly("log") && !options.WantsOnly("cleaning");
        var command = needsBroker ? Broker.Command(options) : null;
        var target = options.FloorsOnly ? "floors only" : options.External is { } other
            ? $"{other.Host}:{other.Port}"
            : $"Orleans.Kafka ({BenchOptions.Flavour})";
        if (command is null && needsBroker)
        {
            throw new BenchException("there is no Release build of src/Silo");
        }

        Directory.CreateDirectory(options.DataDirectory);
        try
        {
            Console.Error.WriteLine($"{target}; {Machine.Describe()}");
            Console.Error.WriteLine(Report.Heading());
            var session = MeasureAll(options, tools, command);
            Print(session, options, target);
            return session.Rows.Any(row => row.Failure is not null) ? 1 : 0;
        }
        finally
        {
            Directory.Delete(options.DataDirectory, recursive: true);
        }
    }

    private static Session MeasureAll(BenchOptions options, NativeTools tools, string[]? command)
    {
        var logRows = new List<Row>();
        void AddLogRow(Row row)
        {
            logRows.Add(row);
            Console.Error.WriteLine(Report.Line(row));
        }

        if (options.Wants("log") && !options.FloorsOnly && options.External is null)
        {
            LogRows.Run(options, AddLogRow);
        }

        if (options.Groups.Contains("cleaning"))
        {
            CleaningRows.Run(options, AddLogRow);
        }

        using var floor = ServerProcess.Start(options.DataDirectory, pinned: true,
            tools.Floor, "--port", "{port}", "--dir", "{dir}");
        using var echo = ServerProcess.Start(options.DataDirectory, pinned: true,
            tools.Floor, "--port", "{port}", "--dir", "{dir}", "--echo", "1");
        using var broker = options.External is { } external
            ? new ServerProcess(external.Host, external.Port, external.ProcessId)
            : command is null ? null : ServerProcess.Start(options.DataDirectory, pinned: true, command);
        floor.WaitForPort(TimeSpan.FromSeconds(5));
        echo.WaitForPort(TimeSpan.FromSeconds(5));
        if (options.External is null)
        {
            broker?.WaitForPort(TimeSpan.FromSeconds(30));
        }

        var brokerDriver = broker is null ? null : new Driver(tools, broker);
        var session = new Session(options, new Driver(tools, floor), brokerDriver);
        session.Rows.AddRange(logRows);
        var echoSession = new Session(options, new Driver(tools, echo), brokerDriver);
        MeasureLoad(session, echoSession, new Driver(tools, floor), brokerDriver);
        session.Rows.AddRange(echoSession.Rows);
        if (options.Wants("durable"))
        {
            broker?.Dispose();
            MeasureDurable(session, tools, command);
        }

        if (options.Wants("groups"))
        {
            broker?.Dispose();
            MeasureGroups(session, tools, command);
        }

        if (options.External is null && (options.Wants("start") || options.Wants("idle")))
        {
            broker?.Dispose();
            ProcessRows.StartAndIdle(session, tools, command);
        }

        return session;
    }

    private static void MeasureDurable(Session session, NativeTools tools, string[]? command)
    {
        const string Mode = "--Kafka:log.flush.before.ack=true";
        MeasureInMode(session, tools, command, ["--durable", "1"], Mode, warmUp: false, DurableRows.Run);
        MeasureInMode(session, tools, command, ["--durable", "2"], Mode, warmUp: false, DurableRows.RunWithFileForEachPartition);
    }

    /// <summary>Without the delay for members that might come: it is three seconds that say nothing.</summary>
    private static void MeasureGroups(Session session, NativeTools tools, string[]? command) => MeasureInMode(
        session, tools, command, [], "--Kafka:group.initial.rebalance.delay.ms=0", warmUp: true, GroupRows.Run);

    /// <summary>Another floor, and our broker in another mode; a broker of others is the same one.</summary>
    private static void MeasureInMode(Session session, NativeTools tools, string[]? command, string[] floorMode,
        string brokerMode, bool warmUp, Action<Session> measure)
    {
        var options = session.Options;
        using var floor = ServerProcess.Start(options.DataDirectory, pinned: true,
            [tools.Floor, "--port", "{port}", "--dir", "{dir}", .. floorMode]);
        using var broker = options.External is { } external
            ? new ServerProcess(external.Host, external.Port, external.ProcessId)
            : command is null ? null : ServerProcess.Start(options.DataDirectory, pinned: true, [.. command, brokerMode]);
        floor.WaitForPort(TimeSpan.FromSeconds(5));
        if (options.External is null)
        {
            broker?.WaitForPort(TimeSpan.FromSeconds(30));
        }

        var inMode = new Session(options, new Driver(tools, floor), broker is null ? null : new Driver(tools, broker));
        if (warmUp)
        {
            WarmUpBroker(broker is null ? null : new Driver(tools, broker));
        }

        measure(inMode);
        session.Rows.AddRange(inMode.Rows);
    }

    private static void MeasureLoad(Session session, Session echoSession, Driver floor, Driver? broker)
    {
        (string Group, Session Session, Action<Session> Measure)[] groups =
        [
            ("produce", session, LoadRows.Produce),
            ("fetch", session, LoadRows.Fetch),
            ("latency", session, LoadRows.Latency),
            ("longpoll", session, LoadRows.LongPolls),
            ("requests", echoSession, LoadRows.Requests),
            ("connect", echoSession, LoadRows.Connects),
        ];
        var wanted = groups.Where(group => session.Options.Wants(group.Group)).ToList();
        if (wanted.Count > 0)
        {
            LoadRows.WarmUp(floor);
            WarmUpBroker(broker);
        }

        foreach (var group in wanted)
        {
            group.Measure(group.Session);
        }
    }

    /// <summary>A broker that fails here fails in the rows too, and there it is told with the row.</summary>
    private static void WarmUpBroker(Driver? broker)
    {
        if (broker is null)
        {
            return;
        }

        try
        {
            LoadRows.WarmUp(broker);
        }
        catch (BenchException exception)
        {
            Console.Error.WriteLine($"bench: warming up: {exception.Message}");
        }
    }

    private static void Print(Session session, BenchOptions options, string target)
    {
        Console.WriteLine();
        Console.WriteLine(Report.Heading());
        foreach (var row in session.Rows)
        {
            Console.WriteLine(Report.Line(row));
            if (row.Failure is not null)
            {
                Console.WriteLine($"    failed: {row.Failure}");
            }
        }

        Console.WriteLine();
        Console.WriteLine($"written to {Report.Write(session.Rows, options, target)} (results.md, results.json)");
    }
}
