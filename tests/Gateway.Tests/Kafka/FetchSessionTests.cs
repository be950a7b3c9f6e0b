using Orleans.Kafka.Gateway.Kafka.Handlers;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Tests.Kafka;

public sealed class FetchSessionTests
{
    private readonly FetchSession _session = new(id: 7, byTopicIds: false);

    public FetchSessionTests() =>
        _session.Begin(Request(epoch: 0, 0, 1), Response((0, 10, false), (1, 20, false)), now: 1);

    [Fact]
    public void Continue_WithoutChanges_AsksForAllThatTheSessionHas()
    {
        var request = Request(epoch: 1);
        Assert.Equal(ErrorCode.None, _session.Continue(request, now: 2, out _));
        Assert.Equal([0, 1], Partitions(request));
        Assert.Equal(2, _session.LastUsed);
    }

    [Fact]
    public void Continue_WrongEpoch_RefusedAndNothingChanges()
    {
        Assert.Equal(ErrorCode.InvalidFetchSessionEpoch, _session.Continue(Request(epoch: 2, 5), now: 2, out _));
        var request = Request(epoch: 1);
        Assert.Equal(ErrorCode.None, _session.Continue(request, now: 3, out _));
        Assert.Equal([0, 1], Partitions(request));
    }

    [Fact]
    public void Continue_EverythingForgotten_IsEmpty()
    {
        var request = Request(epoch: 1);
        request.ForgottenTopicsData.Add(new FetchRequest.ForgottenTopic { Topic = "t", Partitions = [0, 1] });
        Assert.Equal(ErrorCode.None, _session.Continue(request, now: 2, out var isEmpty));
        Assert.True(isEmpty);
        Assert.Empty(request.Topics);
    }

    [Fact]
    public void LeaveOutKnown_NoNews_LeavesNothing()
    {
        var response = Response((0, 10, false), (1, 20, false));
        _session.LeaveOutKnown(response);
        Assert.Empty(response.Responses);
    }

    [Fact]
    public void LeaveOutKnown_RecordsOrNewHighWatermark_AreTold()
    {
        var response = Response((0, 10, true), (1, 21, false));
        _session.LeaveOutKnown(response);
        Assert.Equal([0, 1], Assert.Single(response.Responses).Partitions.Select(told => told.PartitionIndex));
    }

    [Fact]
    public void LeaveOutKnown_Error_IsToldEachTime()
    {
        for (var time = 0; time < 3; time++)
        {
            var response = Response((0, -1, false), (1, 20, false));
            response.Responses[0].Partitions[0].ErrorCode = ErrorCode.NotLeaderOrFollower;
            _session.LeaveOutKnown(response);
            Assert.Equal([0], Assert.Single(response.Responses).Partitions.Select(told => told.PartitionIndex));
        }
    }

    [Fact]
    public void Continue_AfterRecordsOfOnePartition_AsksForTheOthersFirst()
    {
        _session.LeaveOutKnown(Response((0, 11, true), (1, 20, false)));
        var request = Request(epoch: 1);
        _session.Continue(request, now: 2, out _);
        Assert.Equal([1, 0], Partitions(request));
    }

    private static IEnumerable<int> Partitions(FetchRequest request) =>
        request.Topics.SelectMany(topic => topic.Partitions).Select(partition => partition.Partition);

    private static FetchRequest Request(int epoch, params int[] partitions)
    {
        var request = new FetchRequest { SessionId = 7, SessionEpoch = epoch };
        if (partitions.Length > 0)
        {
            request.Topics.Add(new FetchRequest.FetchTopic
            {
                Topic = "t",
                Partitions = [.. partitions.Select(number => new FetchRequest.FetchPartition { Partition = number })],
            });
        }

        return request;
    }

    private static FetchResponse Response(params (int Partition, long HighWatermark, bool HasRecords)[] told)
    {
        var response = new FetchResponse();
        response.Responses.Add(new FetchResponse.FetchableTopicResponse
        {
            Topic = "t",
            Partitions = [.. told.Select(each => new FetchResponse.PartitionData
            {
                PartitionIndex = each.Partition,
                HighWatermark = each.HighWatermark,
                LogStartOffset = 0,
                Records = each.HasRecords ? new RecordSet(new byte[] { 1 }.AsMemory()) : RecordSet.Empty,
            })],
        });
        return response;
    }
}
