using System.Text;
using System.Text.Json;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>
/// kcat: librdkafka from the command line. It sets no timestamps and sends the same headers with every record.
/// </summary>
[Collection(BrokerFixture.Collection)]
public sealed class KcatTests(BrokerFixture fixture)
{
    private const string Headers = """["a","1","b","two"]""";

    private string Bootstrap => fixture.Broker.Bootstrap;

    [ClientTheory(Client.Kcat)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public async Task Text_ProducedAndConsumed_ComesBackIdentical(string codec)
    {
        var topic = $"kcat-text-{codec}";
        await Topics.CreateAsync(Bootstrap, topic, 1);
        using var input = new TemporaryFile();
        await File.WriteAllTextAsync(input.FilePath, KeyedLines(fixture.Text.Lines), new UTF8Encoding(false));
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await ClientRun.FinishAsync(
            Client.Kcat, "-P", "-b", Bootstrap, "-t", topic, "-p", "0", "-z", codec, "-K", "\t", "-Z", "-H", "a=1",
            "-H", "b=two", "-X", "enable.idempotence=true", "-X", "linger.ms=20", "-l", input.FilePath);
        var after = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var output = await ConsumeAsync(topic);

        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(fixture.Text.Lines.Count, lines.Length);
        for (var number = 0; number < lines.Length; number++)
        {
            AssertRecord(lines[number], number, before, after);
        }

        Assert.Contains(codec, SegmentCodecs.CountBatches(fixture.Broker.DataFolder, topic).Keys);
    }

    [ClientTheory(Client.Kcat)]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("all")]
    public async Task Records_ProducedWithAnyAcks_AreThere(string acks)
    {
        var topic = $"kcat-acks-{acks}";
        await Topics.CreateAsync(Bootstrap, topic, 1);
        using var input = new TemporaryFile();
        await File.WriteAllLinesAsync(input.FilePath, fixture.Text.Lines.Take(5000));

        await ClientRun.FinishAsync(
            Client.Kcat, "-P", "-b", Bootstrap, "-t", topic, "-X", $"acks={acks}", "-l", input.FilePath);

        var lines = (await ConsumeAsync(topic)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5000, lines.Length);
    }

    [ClientFact(Client.Kcat)]
    public async Task Metadata_Listed_NamesBrokerAndTopic()
    {
        await Topics.CreateAsync(Bootstrap, "kcat-listed", 4);

        var output = await ClientRun.FinishAsync(Client.Kcat, "-L", "-J", "-b", Bootstrap);

        using var listed = JsonDocument.Parse(output);
        Assert.Equal(1, listed.RootElement.GetProperty("brokers").GetArrayLength());
        Assert.Equal(Bootstrap, listed.RootElement.GetProperty("brokers")[0].GetProperty("name").GetString());
        var topic = listed.RootElement.GetProperty("topics").EnumerateArray()
            .Single(t => t.GetProperty("topic").GetString() == "kcat-listed");
        Assert.Equal(4, topic.GetProperty("partitions").GetArrayLength());
    }

    [ClientFact(Client.Kcat)]
    public async Task Topic_ProducedToWithoutBeingThere_IsCreated()
    {
        using var input = new TemporaryFile();
        await File.WriteAllTextAsync(input.FilePath, "one\ntwo\n");

        await ClientRun.FinishAsync(Client.Kcat, "-P", "-b", Bootstrap, "-t", "kcat-auto", "-l", input.FilePath);

        var lines = (await ConsumeAsync("kcat-auto")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
    }

    [ClientFact(Client.Kcat)]
    public async Task Offsets_LookedUpByTime_AreEarliestAndLatest()
    {
        await Topics.CreateAsync(Bootstrap, "kcat-times", 1);
        using var input = new TemporaryFile();
        await File.WriteAllTextAsync(input.FilePath, "one\ntwo\nthree\n");
        await ClientRun.FinishAsync(Client.Kcat, "-P", "-b", Bootstrap, "-t", "kcat-times", "-l", input.FilePath);

        Assert.Contains("kcat-times [0] offset 0", await QueryAsync("-2"), StringComparison.Ordinal);
        Assert.Contains("kcat-times [0] offset 3", await QueryAsync("-1"), StringComparison.Ordinal);
        Assert.Contains("kcat-times [0] offset 0", await QueryAsync("1000"), StringComparison.Ordinal);
    }

    private static string KeyedLines(IReadOnlyList<string> lines)
    {
        var text = new StringBuilder();
        for (var number = 0; number < lines.Count; number++)
        {
            text.Append("key-").Append(number % 1000).Append('\t').Append(ValueOf(lines, number)).Append('\n');
        }

        return text.ToString();
    }

    private static string ValueOf(IReadOnlyList<string> lines, int number) => number % 1000 == 7 ? "" : lines[number];

    private Task<string> ConsumeAsync(string topic) => ClientRun.FinishAsync(
        Client.Kcat, "-C", "-b", Bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-J", "-X", "check.crcs=true");

    private Task<string> QueryAsync(string timestamp) =>
        ClientRun.FinishAsync(Client.Kcat, "-Q", "-b", Bootstrap, "-t", $"kcat-times:0:{timestamp}");

    private void AssertRecord(string json, int number, long before, long after)
    {
        using var document = JsonDocument.Parse(json);
        var record = document.RootElement;
        var value = ValueOf(fixture.Text.Lines, number);
        var isSame = record.GetProperty("offset").GetInt64() == number
            && record.GetProperty("key").GetString() == $"key-{number % 1000}"
            && record.GetProperty("payload").GetString() == (value.Length == 0 ? null : value)
            && record.GetProperty("ts").GetInt64() >= before
            && record.GetProperty("ts").GetInt64() <= after
            && record.GetProperty("headers").GetRawText().Replace(" ", "", StringComparison.Ordinal) == Headers;
        Assert.True(isSame, $"record {number} is {json}");
    }
}
