using System.Text.Json.Nodes;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Tests.Configs;

/// <summary>The recorded scenario <c>configs</c>, replayed on the plain classes: every value, source, synonym and message.</summary>
public sealed class ConfigGoldenTests
{
    private readonly Dictionary<(int Type, string Name), Dictionary<string, string>> _set = new()
    {
        [(4, "")] = new() { ["min.insync.replicas"] = "1" },
        [(4, "1")] = [],
        [(32, "grp")] = [],
        [(16, "cm")] = [],
        [(2, "cf")] = new() { ["retention.ms"] = "1234567", ["cleanup.policy"] = "delete" },
    };

    private int _compared;

    private static BrokerSettings Start => BrokerSettings.Parse(GoldenExchanges.ReadProperties());

    private BrokerSettings Now => Start.WithDynamic(_set[(4, "1")], _set[(4, "")]);

    [GoldenFact]
    public void Configs_RecordedScenario_AnswersLikeKafka()
    {
        foreach (var exchange in GoldenExchanges.Read(
            "32-DescribeConfigs", "33-AlterConfigs", "44-IncrementalAlterConfigs"))
        {
            if ((string)exchange["scenario"]! != "configs")
            {
                continue;
            }

            var resources = exchange["request_json"]!["resources"]!.AsArray();
            if ((string)exchange["api"]! == "DescribeConfigs")
            {
                CompareDescription(exchange, resources);
            }
            else if (resources.Count == 1 || (string?)exchange["note"] == "cleaned up")
            {
                CompareAlteration(exchange, resources);
            }
        }

        Assert.True(_compared > 80, $"Only {_compared} answers were compared.");
    }

    [GoldenFact]
    public void NewTopic_RecordedSettings_RefusedLikeKafka()
    {
        var compared = 0;
        foreach (var exchange in GoldenExchanges.Read("19-CreateTopics"))
        {
            if (exchange["response_json"]?["topics"] is not JsonArray { Count: 1 } answers)
            {
                continue;
            }

            var given = exchange["request_json"]!["topics"]![0]!["configs"]!.AsArray()
                .Select(pair => KeyValuePair.Create((string)pair!["name"]!, (string?)pair["value"]));
            var code = (int)answers[0]!["errorCode"]!;
            if (code is 0 or 40)
            {
                var problem = ConfigRules.CheckNewTopic(given, out _);
                Assert.Equal((code, code == 0 ? null : (string?)answers[0]!["errorMessage"] ?? problem.Message),
                    ((int)problem.Code, problem.Message));
                compared++;
            }
        }

        Assert.True(compared > 100, $"Only {compared} topics were compared.");
    }

    private void CompareDescription(JsonNode exchange, JsonArray resources)
    {
        var results = exchange["response_json"]!["results"]!.AsArray();
        var includeSynonyms = (bool)exchange["request_json"]!["includeSynonyms"]!;
        var withTypes = (int)exchange["version"]! >= 3;
        for (var i = 0; i < resources.Count; i++)
        {
            if ((int)results[i]!["errorCode"]! != 0 || (int)results[i]!["resourceType"]! == 8)
            {
                continue;
            }

            var names = resources[i]!["configurationKeys"]?.AsArray().Select(name => (string)name!).ToList();
            var ours = Describe((int)resources[i]!["resourceType"]!, (string)resources[i]!["resourceName"]!, names)
                .Select(entry => Text(entry, includeSynonyms, withTypes)).Order(StringComparer.Ordinal);
            var theirs = results[i]!["configs"]!.AsArray().Select(entry => Text(entry!, withTypes))
                .Order(StringComparer.Ordinal);
            Assert.Equal(theirs, ours);
            _compared++;
        }
    }

    private void CompareAlteration(JsonNode exchange, JsonArray resources)
    {
        var validateOnly = (bool)exchange["request_json"]!["validateOnly"]!;
        for (var i = 0; i < resources.Count; i++)
        {
            var answer = exchange["response_json"]!["responses"]![i]!;
            var key = ((int)resources[i]!["resourceType"]!, (string)resources[i]!["resourceName"]!);
            if (!_set.TryGetValue(key, out var current))
            {
                continue;
            }

            var alteration = new ConfigAlteration((ConfigResourceType)key.Item1, key is (4, ""), Now);
            var configs = resources[i]!["configs"]!.AsArray();
            var problem = (string)exchange["api"]! == "AlterConfigs"
                ? alteration.Replace(current, configs.Select(
                    pair => KeyValuePair.Create((string)pair!["name"]!, (string?)pair["value"])), out var result)
                : alteration.Apply(current, [.. configs.Select(change => new ConfigChange(
                    (string)change!["name"]!, (ConfigOperation)(int)change["configOperation"]!, (string?)change["value"]))],
                    out result);
            Assert.Equal(
                ((int)answer["errorCode"]!, (string?)answer["errorMessage"]), ((int)problem.Code, problem.Message));
            if (problem.IsNone && !validateOnly)
            {
                _set[key] = result;
            }

            _compared++;
        }
    }

    private List<ConfigEntry> Describe(int type, string name, List<string>? names)
    {
        var description = new ConfigDescription(Now);
        return (type, name) switch
        {
            (2, _) => description.Topic(_set[(2, name)], names),
            (4, "") => description.AllBrokers(names),
            (4, _) => description.Broker(names),
            (16, _) => description.ClientMetrics(_set[(16, name)], names),
            _ => description.Group(_set[(32, name)], names),
        };
    }

    private static string Text(ConfigEntry entry, bool includeSynonyms, bool withType)
    {
        var synonyms = (includeSynonyms ? entry.Synonyms : [])
            .Select(synonym => $"{synonym.Name}={synonym.Value}@{(int)synonym.Source}");
        return $"{entry.Definition.Name}={entry.Value ?? "null"}@{(int)entry.Source} "
            + $"{(withType ? (int)entry.Definition.Type : 0)} {entry.ReadOnly} {entry.Definition.IsSensitive} "
            + string.Join(';', synonyms);
    }

    private static string Text(JsonNode entry, bool withType)
    {
        var synonyms = entry["synonyms"]!.AsArray()
            .Select(synonym => $"{synonym!["name"]}={synonym["value"]}@{synonym["source"]}");
        return $"{entry["name"]}={(string?)entry["value"] ?? "null"}@{entry["configSource"]} "
            + $"{(withType ? (int)entry["configType"]! : 0)} {(bool)entry["readOnly"]!} {(bool)entry["isSensitive"]!} "
            + string.Join(';', synonyms);
    }
}
