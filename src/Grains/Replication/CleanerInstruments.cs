using System.Diagnostics.Metrics;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>What rounds of cleaning came to.</summary>
internal sealed class CleanerInstruments
{
    private readonly Histogram<double> _rounds;
    private readonly Counter<long> _read;
    private readonly Counter<long> _written;
    private readonly Counter<long> _removed;

    /// <param name="meter">The meter that the instruments belong to.</param>
    public CleanerInstruments(Meter meter)
    {
        _rounds = meter.CreateHistogram<double>(
            "kafka.log.cleaner.duration", "s", "Time that rounds of cleaning took; its count is how many there were.");
        _read = meter.CreateCounter<long>("kafka.log.cleaner.read", "By", "Bytes that the cleaner read.");
        _written = meter.CreateCounter<long>("kafka.log.cleaner.written", "By", "Bytes that the cleaner wrote.");
        _removed = meter.CreateCounter<long>(
            "kafka.log.cleaner.removed", "{record}", "Records that the cleaner left out because their keys have newer ones.");
    }

    public void Note(CompactionReport report, TimeSpan took)
    {
        if (_rounds.Enabled)
        {
            _rounds.Record(took.TotalSeconds, new KeyValuePair<string, object?>("outcome", Outcome(report.Outcome)));
        }

        _read.Add(report.BytesRead);
        _written.Add(report.BytesWritten);
        _removed.Add(report.RecordsRead - report.RecordsKept);
    }

    private static string Outcome(CompactionOutcome outcome) => outcome switch
    {
        CompactionOutcome.Cleaned => "cleaned",
        CompactionOutcome.Nothing => "nothing",
        CompactionOutcome.Aborted => "aborted",
        CompactionOutcome.Uncleanable => "uncleanable",
        _ => "failed",
    };
}
