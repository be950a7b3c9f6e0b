using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Storage.Tests.Golden;

/// <summary>Produce requests that a real Kafka answered, put to the log: what the log decides must be the same.</summary>
public sealed partial class GoldenProduceTests
{
    // Decided before the log is asked: acks, existence, rights, transactions.
    private static readonly HashSet<int> NotOfTheLog = [3, 17, 21, 53, 100];

    [GoldenTheory]
    [InlineData("produce", 250)]
    [InlineData("idempotence", 25)]
    public void Append_OfRecordedRequests_AnswersAsKafka(string scenario, int atLeast)
    {
        var disk = new TestDisk();
        disk.Clock.NowMs = 1_795_213_630_000;
        var logs = new Dictionary<(string Topic, int Partition), PartitionLog>();
        var differences = new List<string>();
        var compared = 0;
        foreach (var line in File.ReadLines(Path.Join(GoldenLogs.Root, "../wire/00-Produce.jsonl")))
        {
            var exchange = JsonNode.Parse(line)!;
            if (exchange["scenario"]!.GetValue<string>() != scenario || exchange["request_template"] is not JsonObject template)
            {
                continue;
            }

            var request = Decode(exchange);
            foreach (var (topic, partition, records) in Records(request, template))
            {
                var answer = Answer(exchange, template, topic, partition);
                if (records.IsNull || (answer is not null && NotOfTheLog.Contains(answer["errorCode"]!.GetValue<int>()))
                    || (answer is null && request.Acks != 0) || partition is < 0 or > 3)
                {
                    continue;
                }

                var log = LogOf(disk, logs, topic, partition);
                var append = new LogAppend
                {
                    Records = records.Bytes,
                    ProduceVersion = exchange["version"]!.GetValue<short>(),
                };
                log.Append(append);
                log.AdvanceHighWatermark(log.Offsets.LogEnd);
                if (answer is null)
                {
                    continue;
                }

                compared++;
                var (ours, theirs) = (Describe(append, topic), Describe(answer, topic));
                if (ours != theirs)
                {
                    differences.Add($"{exchange["seq"]} {exchange["note"]}: Kafka {theirs}, ours {ours}");
                }
            }
        }

        Assert.Empty(differences);
        Assert.True(compared >= atLeast, $"only {compared} compared");
    }

    private static PartitionLog LogOf(
        TestDisk disk, Dictionary<(string Topic, int Partition), PartitionLog> logs, string topic, int partition)
    {
        if (!logs.TryGetValue((topic, partition), out var log))
        {
            log = PartitionLog.Open(disk.Environment, $"/data/{topic}-{partition}", topic, partition, ConfigOf(topic), default);
            logs[(topic, partition)] = log;
        }

        return log;
    }

    private static LogConfig ConfigOf(string topic) => topic switch
    {
        "pr-compact" => LogConfig.Default with { Compact = true },
        "pr-append" => LogConfig.Default with { TimestampType = TimestampType.LogAppendTime },
        "pr-small" => LogConfig.Default with { MaxMessageBytes = 300 },
        "pr-window" => LogConfig.Default with { TimestampBeforeMaxMs = 3_600_000 },
        _ => LogConfig.Default,
    };

    private static ProduceRequest Decode(JsonNode exchange)
    {
        var frame = Convert.FromHexString(exchange["request_hex"]!.GetValue<string>());
        var reader = new KafkaReader(frame.AsMemory(4));
        Assert.True(RequestHeader.TryRead(ref reader, out var header));
        var request = new ProduceRequest();
        reader.Flexible = header.ApiVersion >= 9;
        request.Read(ref reader, header.ApiVersion);
        Assert.False(reader.Failed);
        return request;
    }

    private static IEnumerable<(string Topic, int Partition, RecordSet Records)> Records(
        ProduceRequest request, JsonObject template)
    {
        for (var i = 0; i < request.TopicData.Count; i++)
        {
            var name = template["topicData"]![i]!["name"]!.GetValue<string>();
            foreach (var partition in request.TopicData[i].PartitionData)
            {
                yield return (name, partition.Index, partition.Records);
            }
        }
    }

    private static JsonNode? Answer(JsonNode exchange, JsonObject template, string topic, int partition)
    {
        var number = template["topicData"]!.AsArray().ToList().FindIndex(t => t!["name"]!.GetValue<string>() == topic);
        var topics = exchange["response_json"]?["responses"]?.AsArray();
        var answers = topics?.FirstOrDefault(t => t!["name"]?.GetValue<string>() == topic) ?? topics?.ElementAtOrDefault(number);
        return answers?["partitionResponses"]!.AsArray().FirstOrDefault(p => p!["index"]!.GetValue<int>() == partition);
    }

    // Fields that the version of the answer lacks are not compared.
    private static string Describe(LogAppend append, string topic)
    {
        var text = $"{(int)append.Error} base {append.BaseOffset} time {Time(append.LogAppendTimeMs, topic)}";
        if (append.ProduceVersion >= 5)
        {
            text += $" start {append.LogStartOffset}";
        }

        return append.ProduceVersion < 8
            ? text
            : $"{text} '{append.ErrorMessage}' " +
                $"[{string.Join("; ", append.RecordErrors?.Select(e => $"{e.BatchIndex} {WithoutNow(e.Message)}") ?? [])}]";
    }

    private static string Describe(JsonNode answer, string topic)
    {
        var text = $"{answer["errorCode"]} base {answer["baseOffset"]} " +
            $"time {Time(answer["logAppendTimeMs"]!.GetValue<long>(), topic)}";
        if (answer["logStartOffset"] is { } start)
        {
            text += $" start {start}";
        }

        if (answer["recordErrors"] is not JsonArray errors)
        {
            return text;
        }

        var named = errors.Select(
            e => $"{e!["batchIndex"]} {WithoutNow(e["batchIndexErrorMessage"]?.GetValue<string>())}");
        return $"{text} '{answer["errorMessage"]}' [{string.Join("; ", named)}]";
    }

    private static string Time(long time, string topic) =>
        topic == "pr-append" && time > 0 ? "now" : time.ToString(CultureInfo.InvariantCulture);

    private static string WithoutNow(string? text) => text is null ? "" : Bounds().Replace(text, "[bounds]");

    [GeneratedRegex(@"\[-?\d+, \d+\]")]
    private static partial Regex Bounds();
}
