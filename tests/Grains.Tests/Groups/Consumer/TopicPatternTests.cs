using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>Patterns of topic names, in RE2's syntax.</summary>
public sealed class TopicPatternTests
{
    [Theory]
    [InlineData("kc.*", "kc2", true)]
    [InlineData("kc", "kc2", false)]
    [InlineData("c2", "kc2", false)]
    [InlineData("a|ab", "ab", true)]
    [InlineData("^orders-[0-9]+$", "orders-17", true)]
    [InlineData("(?i)orders", "ORDERS", true)]
    [InlineData("(?i:o)rders", "Orders", true)]
    [InlineData("(?U)a+", "aaa", true)]
    [InlineData("(?sU:a.b)", "a-b", true)]
    [InlineData("(?P<name>a+)b", "aab", true)]
    [InlineData("(?<name>a+)b", "aab", true)]
    [InlineData("[[:alpha:]]+", "abc", true)]
    [InlineData("[[:alpha:]]+", "ab1", false)]
    [InlineData("[^[:digit:]_]+", "abc", true)]
    [InlineData("[^[:digit:]_]+", "a_c", false)]
    [InlineData(@"\Qa.b\E.*", "a.bc", true)]
    [InlineData(@"\Qa.b\E.*", "axbc", false)]
    [InlineData(@"\Qa.b", "a.b", true)]
    [InlineData(@"\pL+", "abc", true)]
    [InlineData(@"\x{61}+", "aa", true)]
    [InlineData(@"[]a]+", "a", true)]
    [InlineData(@"[a-z-[c]+", "z-c", true)]
    [InlineData(@"\w{1,1000}", "abc", true)]
    [InlineData(@"a\.b", "a.b", true)]
    public void Matches_Pattern_MeansTheWholeName(string text, string topic, bool expected)
    {
        Assert.True(TopicPattern.TryParse(text, out TopicPattern? pattern, out string problem), problem);
        Assert.Equal(expected, pattern.Matches(topic));
    }

    [Theory]
    [InlineData("kc(")]
    [InlineData("a)(b")]
    [InlineData("[a")]
    [InlineData("*")]
    [InlineData("a**")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)b")]
    [InlineData("(?!a)b")]
    [InlineData("(?<=a)b")]
    [InlineData("(?>a)b")]
    [InlineData("(?x)a b")]
    [InlineData("(?n)a")]
    [InlineData("(?#why)a")]
    [InlineData("(?<a-b>c)")]
    [InlineData("a{1,1001}")]
    [InlineData(@"\G")]
    [InlineData(@"a\")]
    [InlineData("[[:letters:]]")]
    [InlineData(@"\x{110000}")]
    public void TryParse_WhatRe2Refuses_IsRefused(string text)
    {
        Assert.False(TopicPattern.TryParse(text, out _, out string problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void TryParse_TooLong_IsRefused() =>
        Assert.False(TopicPattern.TryParse(new string('a', TopicPattern.LengthMax + 1), out _, out _));

    [Theory]
    [InlineData("(a+)+b")]
    [InlineData("(a|a)*b")]
    [InlineData("(.*)*x(.*)*y")]
    [InlineData("((a{0,100}){0,100}){0,100}b")]
    public Task Matches_PatternThatWouldBacktrack_ComesToAnEndOrIsRefused(string text) => Task.Run(() =>
    {
        if (TopicPattern.TryParse(text, out TopicPattern? pattern, out _))
        {
            Assert.False(pattern.Matches(new string('a', 249)));
        }
    }).WaitAsync(TimeSpan.FromSeconds(30));
}
