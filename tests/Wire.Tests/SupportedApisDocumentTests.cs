namespace Orleans.Kafka.Wire.Tests;

[Collection(ReplayCollection.Name)]
public sealed class SupportedApisDocumentTests(ReplayFixture fixture)
{
    [Fact]
    public void SupportedApis_Document_SaysWhatTheBrokerServes()
    {
        var path = SupportedApisDocument.Path;
        var document = File.ReadAllText(path);
        var rendered = SupportedApisDocument.Render(document, fixture.Served, fixture.Known);
        if (Environment.GetEnvironmentVariable(SupportedApisDocument.WriteVariable) is { Length: > 0 })
        {
            File.WriteAllText(path, rendered);
        }
        else
        {
            Assert.Equal(rendered, document);
        }
    }
}
