using System.Globalization;

namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>A producer that sends records until it is stopped, and remembers which were acknowledged.</summary>
internal sealed class NumberStream : IDisposable
{
    private readonly TemporaryFile _acknowledged = new();
    private readonly ClientRun _run;

    private NumberStream(GroupUnderTest group) => _run = ClientRun.Start(
        Client.ConfluentPython, "trickle", group.Bootstrap, group.Topic, $"{GroupUnderTest.Partitions}",
        _acknowledged.FilePath);

    /// <summary>Starts to produce into all partitions of the topic in turn, some hundred records a second.</summary>
    public static NumberStream Start(GroupUnderTest group) => new(group);

    /// <summary>Ends it; gives the partition and offset of every acknowledged record.</summary>
    public async Task<List<(int Partition, long Offset)>> StopAsync()
    {
        _run.AskToStop();
        await _run.FinishAsync();
        return
        [
            .. File.ReadLines(_acknowledged.FilePath).Select(line => line.Split('\t')).Select(fields => (
                int.Parse(fields[0], CultureInfo.InvariantCulture),
                long.Parse(fields[1], CultureInfo.InvariantCulture))),
        ];
    }

    public void Dispose()
    {
        _run.Dispose();
        _acknowledged.Dispose();
    }
}
