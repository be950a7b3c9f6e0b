using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>What the schema language takes, and how it complains.</summary>
public sealed class SchemaParserTests
{
    private const string Head = "api Thing\nkey 7\nversions 0-4\nflexible 2+\nlisteners broker\n";
    private const string Tail = "\nresponse\n    Code: error\n";

    [Fact]
    public void Api_WithAllParts_IsUnderstood()
    {
        var file = SchemaParser.Parse(
            "# Does things.\n" + Head + "stable 0-3\nadvertised 1+\n\nrequest\n    Name:  string?[1+] @0-3 = empty\n"
            + "    Parts: []Part\n        Id: int32 = -1   # trailing\n    Mark:  uuid tag 0\n" + Tail);
        Assert.Empty(file.Errors);
        Assert.Equal((7, 3, 1), (file.Api!.Key, file.Api.Stable.High, file.Api.AdvertisedMin));
        var request = file.Messages[0];
        Assert.Equal(("ThingRequest", "Does things."), (request.Name, request.Summary));
        var name = request.Root.Fields[0];
        Assert.Equal(("0-3", "1-3", "empty"), (name.Versions.ToString(), name.Nullable.ToString(), name.Default));
        Assert.Equal("Part", Assert.Single(request.Structs).Name);
        Assert.Equal("2-4", request.Root.Fields[2].Versions.ToString());
        Assert.Equal("ThingResponse", file.Messages[1].Name);
    }

    [Theory]
    [InlineData("    Name: sting\n", 6, "unknown type 'sting'")]
    [InlineData("    Name: Missing\n", 6, "unknown type 'Missing'")]
    [InlineData("    Name string\n", 6, "expected 'Name: type'")]
    [InlineData("    Name: string @x\n", 6, "no version range")]
    [InlineData("    Name: string @4-2\n", 6, "no version range")]
    [InlineData("    Name: string @9\n", 6, "in no version")]
    [InlineData("    Name: int32?\n", 6, "cannot be null")]
    [InlineData("    Name: int8 = 300\n", 6, "no default")]
    [InlineData("    Name: string = x\n", 6, "no default")]
    [InlineData("    Name: string tag x\n", 6, "no tag number")]
    [InlineData("    Name: string bold\n", 6, "neither @versions")]
    [InlineData("    Name: string\n    Name: int8\n", 7, "two fields named Name")]
    [InlineData("    A: int8 tag 1\n    B: int8 tag 1\n", 7, "two fields with tag 1")]
    [InlineData("    Part: Part\n        Id: int8\n", 6, "has the name of a struct")]
    [InlineData("    P: Part\n        Part: int8\n", 7, "has the name of its struct")]
    [InlineData("    P: Part\n        Id: int8\n    Q: Part\n        Id: int8\n", 8, "declared twice")]
    [InlineData("    P: int8\n        Id: int8\n", 7, "indented deeper")]
    [InlineData("   P: int8\n", 6, "multiple of 4")]
    [InlineData("    P: int8\n    struct Unused\n        Id: int8\n", 7, "not used")]
    [InlineData("    A: []Loop\n    struct Loop\n        B: []Loop\n", 7, "contains itself")]
    public void Fault_InRequest_IsReportedAtItsLine(string fields, int line, string complaint)
    {
        var errors = SchemaParser.Parse(Head + "request\n" + fields + Tail).Errors;
        Assert.Contains(errors, error => error.Line == line && error.Message.Contains(complaint));
    }

    [Theory]
    [InlineData("api Thing\nkey x\n", 1, "not understood")]
    [InlineData("api Thing\nversions 0-4\nflexible none\nrequest\n", 0, "lacks 'key'")]
    [InlineData("api Thing\nkey 1\nflexible none\nrequest\n", 0, "lacks 'versions'")]
    [InlineData("key 1\n", 0, "comes before")]
    [InlineData("api lower\n", 0, "no name")]
    [InlineData("message Thing\nversions 0\nflexible none\nrequest\n", 3, "belongs to 'api Name'")]
    [InlineData("message Thing\nversions 0\nflexible none\nfields\n    A: int8 tag 0\n", 4, "no flexible version")]
    [InlineData("record Thing\nversions 0\nflexible none\nkey\n    A: int8\n", 0, "lacks 'type'")]
    [InlineData("message Thing\nversions 0\nflexible none\n    A: int8\n", 3, "outside of")]
    public void Fault_AroundSections_IsReportedAtItsLine(string text, int line, string complaint)
    {
        var errors = SchemaParser.Parse(text).Errors;
        Assert.Contains(errors, error => error.Line == line && error.Message.Contains(complaint));
    }

    [Fact]
    public void Api_WithoutResponse_IsRefused()
    {
        var errors = SchemaParser.Parse(Head + "request\n    A: int8\n").Errors;
        Assert.Contains(errors, error => error.Message.Contains("exactly one section of each"));
    }
}
