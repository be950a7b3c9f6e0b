using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Grains.Tests;

public sealed class GrainFailureTests
{
    [Fact]
    public void InOneLine_OfAMessageWithAStack_EndsWithItsFirstLine()
    {
        var exception = new TimeoutException("nobody came\n   at Somewhere.Else()\n   at Last()");

        Assert.Equal("TimeoutException: nobody came", GrainFailure.InOneLine(exception));
        Assert.Null(GrainFailure.ToLog(exception));
    }

    [Fact]
    public void InOneLine_OfALongMessage_IsCut() =>
        Assert.InRange(GrainFailure.InOneLine(new InvalidOperationException(new string('x', 5_000))).Length, 200, 300);

    [Fact]
    public void Failures_AreToldApart()
    {
        Assert.True(GrainFailure.IsAbsence(new SiloUnavailableException("gone")));
        Assert.True(GrainFailure.IsAbsence(new BrokerNotAvailableException("gone")));
        Assert.True(GrainFailure.MayPass(new OrleansException("the storage cannot be written")));
        Assert.False(GrainFailure.IsAbsence(new OrleansException("the storage cannot be written")));

        var mistake = new InvalidOperationException("a mistake");
        Assert.False(GrainFailure.MayPass(mistake));
        Assert.Same(mistake, GrainFailure.ToLog(mistake));
    }
}
