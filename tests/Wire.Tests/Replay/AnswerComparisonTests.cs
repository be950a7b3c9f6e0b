using System.Text.Json.Nodes;
using Orleans.Kafka.Wire.Tests.Recording;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>The replay proves nothing unless the comparison sees what it must see.</summary>
public sealed class AnswerComparisonTests
{
    private static readonly AnswerComparison Comparison = new(new Dictionary<string, string> { ["recorded"] = "own" });

    [Theory]
    [InlineData("""{"errorCode":3}""", """{"errorCode":0}""", "/errorCode")]
    [InlineData("""{"errorCode":3}""", """{}""", "/errorCode")]
    [InlineData("""{}""", """{"errorCode":3}""", "/errorCode")]
    [InlineData("""{"brokers":[1,2]}""", """{"brokers":[2,1]}""", "/brokers/0,/brokers/1")]
    [InlineData("""{"brokers":[1,2]}""", """{"brokers":[1]}""", "/brokers")]
    [InlineData("""{"topics":[{"name":"a","x":1}]}""", """{"topics":[{"name":"a","x":2}]}""", "/topics/a/x")]
    [InlineData("""{"topics":[{"name":"a"}]}""", """{"topics":[{"name":"b"}]}""", "/topics/a,/topics/b")]
    [InlineData("""{"errorMessage":"text"}""", """{"errorMessage":null}""", "/errorMessage")]
    [InlineData("""{"clusterId":"recorded"}""", """{"clusterId":"recorded"}""", "/clusterId")]
    public void Compare_AnswersThatDiffer_NamesTheirPlaces(string kafka, string ours, string pointers) =>
        Assert.Equal(pointers, string.Join(',', Compare(kafka, ours).Select(difference => difference.Pointer)));

    [Theory]
    [InlineData("""{"errorMessage":"text"}""", """{"errorMessage":"other words"}""")]
    [InlineData("""{"topics":[{"name":"a"},{"name":"b"}]}""", """{"topics":[{"name":"b"},{"name":"a"}]}""")]
    [InlineData("""{"clusterId":"recorded"}""", """{"clusterId":"own"}""")]
    [InlineData("""{"topicId":"x"}""", """{"topicId":"y"}""")]
    public void Compare_WhatMayDiffer_IsNoDifference(string kafka, string ours) => Assert.Empty(Compare(kafka, ours));

    [Theory]
    [InlineData("5-7", "/topics/*/errorCode", 6, "/topics/a/errorCode", true)]
    [InlineData("5-7,9", "/topics", 9, "/topics/a/errorCode", true)]
    [InlineData("5-7", "/topics", 8, "/topics/a", false)]
    [InlineData("5", "/topics/a", 5, "/topics", false)]
    public void KnownPlace_ExchangeAndPointer_AreCoveredAsWritten(
        string seq, string pattern, int exchange, string pointer, bool covered) =>
        Assert.Equal(covered, new KnownPlace(seq, pattern).Covers(exchange, pointer));

    private static List<Difference> Compare(string kafka, string ours)
    {
        var exchange = new WireExchange(
            """{"seq":1,"scenario":"s","conn":1,"api":"Metadata","key":3,"version":1,"note":"","request_hex":"","""
            + $""" "response_hex":"","connection":"open","varies":["/topicId"],"response_json":{kafka}""" + "}");
        return Comparison.Compare(exchange, JsonNode.Parse(ours)!);
    }
}
