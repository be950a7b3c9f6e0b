using System.Globalization;
using System.Text;
using Xunit.Abstractions;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>
/// The broker is killed (SIGKILL) while a producer with acks=all runs, and starts again on its data: every record that
/// was acknowledged is there once, at its offset, in order. ORLEANS_KAFKA_CRASH_REPETITIONS says how often.
/// </summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    private const string Topic = "crash";
    private const int RecordsPerLife = 2000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly int Repetitions = int.Parse(
        Environment.GetEnvironmentVariable("ORLEANS_KAFKA_CRASH_REPETITIONS") ?? "2", CultureInfo.InvariantCulture);

    [ClientFact(Client.ConfluentPython)]
    public async Task AcknowledgedRecords_BrokerKilledAndRestarted_AreThereOnceInOrder()
    {
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            await KillAndCheckAsync(new Random(20261121 + repetition));
        }
    }

    private async Task KillAndCheckAsync(Random random)
    {
        await using var broker = await BrokerProcess.StartAsync("log.segment.bytes=1048576");
        await Topics.CreateAsync(broker.Bootstrap, Topic, TextRecords.Partitions);
        using var acknowledged = new TemporaryFile();
        using var producer =
            ClientRun.Start(Client.ConfluentPython, "stream", broker.Bootstrap, Topic, acknowledged.FilePath);

        // The second kill hits a log that was recovered once already.
        var before = 0;
        for (var kill = 0; kill < 2; kill++)
        {
            before = await WaitForMoreAsync(acknowledged.FilePath, before + random.Next(1, RecordsPerLife), producer);
            await broker.KillAsync();
            await broker.StartAgainAsync();
        }

        await WaitForMoreAsync(acknowledged.FilePath, before + RecordsPerLife, producer);
        producer.AskToStop();
        await producer.FinishAsync();

        using var consumed = new TemporaryFile();
        await ClientRun.FinishAsync(Client.ConfluentPython, "consume", broker.Bootstrap, Topic, consumed.FilePath);
        var count = AssertEachOnceInOrder(consumed.FilePath, acknowledged.FilePath);
        output.WriteLine($"{count} acknowledged records are there once and in order");
    }

    private static async Task<int> WaitForMoreAsync(string path, int lines, ClientRun producer)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var count = File.ReadLines(path).Count();
            if (count >= lines)
            {
                return count;
            }

            if (producer.HasExited)
            {
                await producer.FinishAsync();
                Assert.Fail("the producer ended by itself");
            }

            await Task.Delay(10, patience.Token);
        }
    }

    private static int AssertEachOnceInOrder(string consumedPath, string acknowledgedPath)
    {
        var stored = new Dictionary<(int Partition, long Offset), long>();
        var ends = new long[TextRecords.Partitions];
        var lasts = Enumerable.Range(0, TextRecords.Partitions).Select(p => (long)p - TextRecords.Partitions).ToArray();
        foreach (var fields in File.ReadLines(consumedPath).Select(line => line.Split('\t')))
        {
            var partition = int.Parse(fields[0], CultureInfo.InvariantCulture);
            var offset = long.Parse(fields[1], CultureInfo.InvariantCulture);
            var value = Encoding.ASCII.GetString(Convert.FromHexString(fields[4]));
            var number = long.Parse(value.AsSpan(0, value.IndexOf(' ')), CultureInfo.InvariantCulture);
            Assert.Equal(ends[partition]++, offset);

            // The producer gave number n to partition n mod 3 and lost none: no gap, no repetition, no reordering.
            Assert.Equal(lasts[partition] + TextRecords.Partitions, number);
            lasts[partition] = number;
            stored.Add((partition, offset), number);
        }

        var count = 0;
        foreach (var fields in File.ReadLines(acknowledgedPath).Select(line => line.Split('\t')))
        {
            var partition = int.Parse(fields[0], CultureInfo.InvariantCulture);
            var offset = long.Parse(fields[1], CultureInfo.InvariantCulture);
            Assert.True(stored.TryGetValue((partition, offset), out var number), $"{partition}/{offset} is lost");
            Assert.Equal(fields[2], number.ToString(CultureInfo.InvariantCulture));
            count++;
        }

        Assert.True(count > 0, "nothing was acknowledged");
        return count;
    }
}
