using System.Buffers;

namespace Orleans.Kafka.Protocol;

/// <summary>An output that can take records from where they are, without a copy through memory (sendfile).</summary>
public interface IKafkaOutput : IBufferWriter<byte>
{
    /// <summary>
    /// Puts <paramref name="records"/> behind all bytes written so far. Called only for records that are not in
    /// memory; exactly <see cref="RecordSet.Length"/> bytes must follow, the length in front is already written.
    /// </summary>
    void Splice(in RecordSet records);
}
