namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>The catalog of APIs and the ids beside it.</summary>
public sealed class CatalogTests
{
    [Fact]
    public void Keys_AllDeclared_AscendAndHaveMessages()
    {
        Assert.Equal(91, ApiCatalog.Keys.Length);
        var last = -1;
        foreach (var key in ApiCatalog.Keys)
        {
            Assert.True((int)key > last);
            last = (int)key;
            Assert.True(ApiCatalog.IsKnown(key));
            Assert.Equal(Enum.GetName(key), ApiCatalog.Name(key));
            Assert.Equal(key + "Request", ApiCatalog.CreateRequest(key)!.GetType().Name);
            Assert.Equal(key + "Response", ApiCatalog.CreateResponse(key)!.GetType().Name);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-1)]
    [InlineData(95)]
    [InlineData(short.MinValue)]
    [InlineData(short.MaxValue)]
    public void UnknownKey_Asked_IsUnknown(short number)
    {
        var key = (ApiKey)number;
        Assert.False(ApiCatalog.IsKnown(key));
        Assert.False(ApiCatalog.IsStable(key, 0));
        Assert.False(ApiCatalog.IsStable(key, -1));
        Assert.False(ApiCatalog.IsOnBroker(key));
        Assert.False(ApiCatalog.IsFlexible(key, 5));
        Assert.Equal(-1, ApiCatalog.MaxVersion(key));
        Assert.Equal(1, ApiCatalog.RequestHeaderVersion(key, 9));
        Assert.Null(ApiCatalog.CreateRequest(key));
    }

    [Fact]
    public void Versions_NotYetStable_AreDeclaredButNotOffered()
    {
        Assert.Equal(5, ApiCatalog.MaxVersion(ApiKey.InitProducerId));
        Assert.Equal(6, ApiCatalog.MaxDeclaredVersion(ApiKey.InitProducerId));
        Assert.False(ApiCatalog.IsStable(ApiKey.InitProducerId, 6));
        Assert.Equal(-1, ApiCatalog.MaxVersion(ApiKey.UnregisterController));
        Assert.False(ApiCatalog.IsStable(ApiKey.UnregisterController, 0));
    }

    [Fact]
    public void ApiVersions_AnyVersion_HasResponseHeaderZero()
    {
        Assert.Equal(0, ApiCatalog.ResponseHeaderVersion(ApiKey.ApiVersions, 4));
        Assert.Equal(2, ApiCatalog.RequestHeaderVersion(ApiKey.ApiVersions, 4));
        Assert.Equal(1, ApiCatalog.ResponseHeaderVersion(ApiKey.Metadata, 9));
    }

    [Fact]
    public void Produce_Advertised_BeginsAtZero()
    {
        Assert.Equal(0, ApiCatalog.AdvertisedMinVersion(ApiKey.Produce));
        Assert.Equal(3, ApiCatalog.MinVersion(ApiKey.Produce));
    }

    [Fact]
    public void KafkaUuid_AsText_ComesBack()
    {
        var id = KafkaUuid.Create(new Random(1));
        Assert.Equal(22, id.ToString().Length);
        Assert.True(KafkaUuid.TryParse(id.ToString(), out var again));
        Assert.Equal(id, again);
        Assert.Equal("AAAAAAAAAAAAAAAAAAAAAA", KafkaUuid.Zero.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAA!")]
    public void KafkaUuid_FromOtherText_IsRefused(string? text) => Assert.False(KafkaUuid.TryParse(text, out _));
}
