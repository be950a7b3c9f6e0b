using Orleans.Kafka.LogTool;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>What <c>verify</c> makes of directories of our own.</summary>
public sealed class VerifyTests
{
    private const string Cluster = "/data/__cluster_metadata-0/cluster.cluster.json";
    private const string Metadata = "/data/topic-0/partition.metadata";

    [Fact]
    public void Verify_OfABrokersDirectoryWithTheClustersRecords_IsClean()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, Cluster, ClusterWith("topic", "01234567-89ab-cdef-8000-000000000001"));
        ToolDisk.Write(disk, "/data/topic-0/notes.txt", "of no interest");
        ToolDisk.Write(disk, "/data/topic-0/00000000000000000007.damaged", "of some interest");

        var (code, report) = ToolDisk.Verify(disk, "/data");

        Assert.DoesNotContain("DAMAGE", report, StringComparison.Ordinal);
        Assert.Contains("note   /data/topic-0/notes.txt: not a file of a log", report, StringComparison.Ordinal);
        Assert.Contains("note   /data/topic-0/00000000000000000007.damaged: set aside", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Clean, code);
    }

    [Fact]
    public void Verify_OfALogThatNobodyWroteYet_IsClean()
    {
        var disk = new TestDisk();
        using (var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1))
        {
            directory.OpenPartition("topic", 0, ToolDisk.TopicId, LogConfig.Default);
            Assert.True(directory.Close());
        }

        var (code, report) = ToolDisk.Verify(disk, "/data");

        Assert.Contains("ok     /data/topic-0: no segment yet\n", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Clean, code);
    }

    [Theory]
    [InlineData("/data")]
    [InlineData("/data/topic-0")]
    public void Verify_OfATopicIdThatTheClusterContradicts_NamesIt(string path)
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, Cluster, ClusterWith("topic", "01234567-89ab-cdef-8000-000000000002"));

        var (code, report) = ToolDisk.Verify(disk, path);

        Assert.Contains($"DAMAGE {Metadata}\n       the topic id is ASNFZ4mrze-AAAAAAAAAAQ, but the topic has "
            + "ASNFZ4mrze-AAAAAAAAAAg: the broker sets the directory aside as stray\n", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Damaged, code);
    }

    [Fact]
    public void Verify_OfATopicThatTheClusterDoesNotHave_OnlyNotesIt()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, Cluster, ClusterWith("other", "01234567-89ab-cdef-8000-000000000002"));

        var (code, report) = ToolDisk.Verify(disk, "/data");

        Assert.Contains("note   /data/topic-0: the cluster has no topic topic", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Clean, code);
    }

    [Theory]
    [InlineData("topic-1", "ASNFZ4mrze-AAAAAAAAAAg", "but other partitions of the topic have ASNFZ4mrze-AAAAAAAAAAg")]
    [InlineData("other-0", "ASNFZ4mrze-AAAAAAAAAAQ", "is also that of other")]
    public void Verify_OfDirectoriesThatContradictEachOther_NamesBoth(string other, string id, string problem)
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, $"/data/{other}/partition.metadata", $"version: 0\ntopic_id: {id}");

        var (code, report) = ToolDisk.Verify(disk, "/data");

        Assert.Contains($"DAMAGE {Metadata}\n", report, StringComparison.Ordinal);
        Assert.Contains(problem, report, StringComparison.Ordinal);
        Assert.Contains($"DAMAGE /data/{other}/partition.metadata\n", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Damaged, code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"version":1,"state":{"Topics":{"topic":"no id"},"ClusterConfigs":{}}}""")]
    public void Verify_OfDamagedRecordsOfTheCluster_NamesThem(string record)
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, Cluster, record);

        var (code, report) = ToolDisk.Verify(disk, "/data");

        Assert.Contains($"DAMAGE {Cluster}\n       not a record of the cluster", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Damaged, code);
    }

    private static string ClusterWith(string topic, string id) =>
        "{\"version\":4,\"state\":{\"ClusterId\":\"c\",\"Topics\":{\"" + topic + "\":\"" + id + "\"},\"ClusterConfigs\":{}}}";
}
