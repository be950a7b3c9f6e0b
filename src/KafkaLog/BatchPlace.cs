using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.LogTool;

/// <summary>A batch, where it lies, and whether its checksum is right.</summary>
internal readonly record struct BatchPlace(int Position, RecordBatchInfo Batch, bool HasValidCrc)
{
    /// <summary>
    /// The base offset is not under the CRC. It is wrong where the batch jumps over offsets that those behind it have, or
    /// past a limit.
    /// </summary>
    /// <param name="next">The offset behind the batch before this one.</param>
    /// <param name="following">Base offset of the batch behind this one; -1 if there is none.</param>
    /// <param name="below">Where the next segment begins, or where the log is known to end.</param>
    /// <param name="holesBelow">Holes end here or below.</param>
    public bool IsOutOfPlace(long next, long following, long below, long holesBelow) =>
        Batch.BaseOffset < next || Batch.LastOffset >= below || (Batch.BaseOffset > next && Batch.BaseOffset > holesBelow)
        || (Batch.BaseOffset > next && following >= next && following < Batch.NextOffset);
}

/// <summary>A batch that contradicts <c>leader-epoch-checkpoint</c>.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Position">Where it lies there.</param>
/// <param name="Offset">Its base offset.</param>
/// <param name="Epoch">What it says.</param>
/// <param name="Told">What the file says.</param>
internal readonly record struct EpochMisfit(string Path, int Position, long Offset, int Epoch, int Told);
