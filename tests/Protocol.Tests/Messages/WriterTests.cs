using System.Buffers;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Primitive types on the way out.</summary>
public sealed class WriterTests
{
    [Fact]
    public void Message_IntoTinySpans_HasTheSameBytes()
    {
        foreach (var golden in SelectedMessageTests.Selected("apis.jsonl").Where(golden => !golden.HasUnknownTags))
        {
            var output = new StingyOutput();
            var writer = new KafkaWriter(output);
            MessageJson.FromJson(golden.Name, golden.Version, golden.Json).Write(ref writer, golden.Version);
            writer.Complete();
            Assert.Equal(golden.Body, output.Bytes);
            Assert.Equal(golden.Body.Length, writer.Written);
        }
    }

    [Fact]
    public void Write_WithoutComplete_KeepsBack()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        writer.WriteInt32(1);
        Assert.Equal(0, output.WrittenCount);
        writer.Complete();
        Assert.Equal(4, output.WrittenCount);
        writer.WriteInt32(2);
        writer.Complete();
        Assert.Equal(8, output.WrittenCount);
    }

    [Fact]
    public void RecordsOfAFile_ToAnOutputThatSplices_AreHandedOver()
    {
        var output = new SplicingOutput();
        var writer = new KafkaWriter(output);
        writer.WriteInt16(7);
        writer.WriteRecords(new RecordSet("a file", 1_000, 3));
        writer.WriteInt8(9);
        writer.Complete();
        Assert.Equal([0, 7, 0, 0, 0, 3, 0xaa, 0xaa, 0xaa, 9], output.Bytes);
        Assert.Equal(("a file", 1_000), (output.Spliced.Source, output.Spliced.Position));
        Assert.Equal(10, writer.Written);
    }

    [Fact]
    public void RecordsOfAFile_ToAnotherOutput_AreRefused() =>
        Assert.Throws<InvalidOperationException>(() =>
        {
            var writer = new KafkaWriter(new ArrayBufferWriter<byte>());
            writer.WriteRecords(new RecordSet("a file", 0, 3));
        });

    [Fact]
    public void String_TooLong_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() =>
        {
            var writer = new KafkaWriter(new ArrayBufferWriter<byte>());
            writer.WriteString(new string('x', 32_768));
        });

    [Fact]
    public void Null_WhereTheVersionHasNone_IsRefused()
    {
        var response = new MetadataResponse();
        response.Topics.Add(new MetadataResponse.MetadataResponseTopic { Name = null });
        Assert.Equal(26, KafkaWriter.Measure(response, 12) - KafkaWriter.Measure(new MetadataResponse(), 12));
        Assert.Throws<InvalidOperationException>(() => KafkaWriter.Measure(response, 11));
    }

    [Fact]
    public void ProduceResponse_Written_TakesNoMemory()
    {
        var response = new ProduceResponse();
        var topic = new ProduceResponse.TopicProduceResponse { Name = "topic" };
        topic.PartitionResponses.Add(new ProduceResponse.PartitionProduceResponse { BaseOffset = 5 });
        response.Responses.Add(topic);
        var output = new ArrayBufferWriter<byte>(1_024);
        var before = 0L;
        for (var round = 0; round < 2; round++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            var writer = new KafkaWriter(output);
            response.Write(ref writer, 9);
            writer.Complete();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Gives exactly as much as it is asked for.</summary>
    private sealed class StingyOutput : IBufferWriter<byte>
    {
        private byte[] _given = [];

        public List<byte> Bytes { get; } = [];

        public void Advance(int count) => Bytes.AddRange(_given[..count]);

        public Memory<byte> GetMemory(int sizeHint = 0) => _given = new byte[Math.Max(1, sizeHint)];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }

    private sealed class SplicingOutput : IKafkaOutput
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public byte[] Bytes => _bytes.WrittenSpan.ToArray();

        public RecordSet Spliced { get; private set; }

        public void Splice(in RecordSet records)
        {
            Spliced = records;
            _bytes.GetSpan(records.Length)[..records.Length].Fill(0xaa);
            _bytes.Advance(records.Length);
        }

        public void Advance(int count) => _bytes.Advance(count);

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.GetMemory(sizeHint);

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes.GetSpan(sizeHint);
    }
}
