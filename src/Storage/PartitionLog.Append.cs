using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <content>Appending.</content>
public sealed partial class PartitionLog
{
    // Many small batches go faster as one copied block than as one system call over hundreds of pieces.
    private const int SmallPiece = 4096;
    private const int SmallBlock = 256 * 1024;

    private readonly List<StagedBatch> _staged = [];
    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private readonly List<LogAppend> _stagedAppends = [];
    private readonly List<AbortedTransaction> _stagedAborts = [];
    private long _stagedEnd;
    private int _stagedSize;

    /// <summary>
    /// Checks the appends in order and writes those that pass with one gathered write; each gets its result. The high
    /// watermark stays. On return the records are in the page cache: safe from the death of the process, not from that
    /// of the machine.
    /// </summary>
    public void Append(ReadOnlySpan<LogAppend> appends)
    {
        lock (_gate)
        {
            _stagedEnd = Offsets.LogEnd;
            _stagedSize = 0;
            var nowMs = _environment.NowMs;
            foreach (var append in appends)
            {
                append.ResetResult();
                if (_isFailed || _isClosed)
                {
                    append.Fail(ErrorCode.KafkaStorageError);
                }
                else if (append.Origin == AppendOrigin.Replication)
                {
                    StageReplicated(append);
                }
                else
                {
                    StageOwn(append, nowMs);
                }
            }

            WriteStaged();
        }
    }

    /// <summary>As <see cref="Append(ReadOnlySpan{LogAppend})"/>, for one.</summary>
    public void Append(LogAppend append) => Append(new ReadOnlySpan<LogAppend>(in append));

    private void StageOwn(LogAppend append, long nowMs)
    {
        var config = _config;
        var logStart = Offsets.LogStart;
        if (!ProduceChecks.CheckShape(append, out var batch, out var bytes)
            || !ProduceChecks.CheckBytes(append, batch, bytes, config, logStart)
            || (append.Origin == AppendOrigin.Client && !CheckClient(append, ref batch, ref bytes, nowMs)))
        {
            return;
        }

        if (batch.Size > config.SegmentBytes)
        {
            append.Fail(ErrorCode.RecordListTooLarge);
            return;
        }

        var control = batch.IsControl ? ReadControl(batch, bytes) : null;
        if (batch.HasProducerId && !CheckProducer(append, batch, control))
        {
            return;
        }

        var isAppendTime = config.TimestampType == TimestampType.LogAppendTime;
        var last = _stagedEnd + batch.LastOffsetDelta;
        if (!MakeRoom(append, batch.Size, _stagedEnd, last, isAppendTime ? nowMs : batch.MaxTimestamp, nowMs))
        {
            return;
        }

        var header = BatchPatch.Apply(
            bytes, batch, _stagedEnd, append.LeaderEpoch, isAppendTime ? nowMs : -1);
        append.BaseOffset = header.BaseOffset;
        append.LastOffset = header.LastOffset;
        append.LogAppendTimeMs = isAppendTime ? nowMs : -1;
        append.LogStartOffset = logStart;
        Stage(append, header, control, bytes);
    }

    private bool CheckProducer(LogAppend append, in RecordBatchInfo batch, ControlRecord? control)
    {
        var isClient = append.Origin == AppendOrigin.Client;
        if (isClient && _producers.TryFindDuplicate(batch, out var duplicate))
        {
            AnswerDuplicate(append, duplicate);
            return false;
        }

        var error = control is { } marker
            ? _producers.CheckMarker(batch, marker, append.TransactionVersion)
            : _producers.Check(batch, isClient, append.TransactionVersion);
        return error == ErrorCode.None || append.Fail(error, null, Offsets.LogStart);
    }

    private bool CheckClient(
        LogAppend append, ref RecordBatchInfo batch, ref ReadOnlySequence<byte> bytes, long nowMs)
    {
        var config = _config;
        var logStart = Offsets.LogStart;
        if (!ProduceChecks.CheckHeader(append, batch, logStart)
            || !ProduceChecks.CheckFirstBytes(append, batch, bytes, logStart)
            || !PrepareRecords(append, batch, bytes, config, nowMs))
        {
            return false;
        }

        // Recompressed here and now: the batch is another one, and perhaps larger than it came.
        return bytes.Start.Equals(append.Records.Start)
            || (ProduceChecks.CheckShape(append, out batch, out bytes)
                && ProduceChecks.CheckBytes(append, batch, bytes, config, logStart));
    }

    private void StageReplicated(LogAppend append)
    {
        var reader = new RecordBatchReader(append.Records);
        var isFirst = true;
        while (reader.Next() == RecordBatchStep.Batch)
        {
            var batch = reader.Current;
            var bytes = append.Records.Slice(reader.Position, batch.Size);
            if (batch.BaseOffset < _stagedEnd || batch.LastOffsetDelta < 0 || !RecordBatchHeader.HasValidCrc(bytes))
            {
                if (isFirst)
                {
                    append.Fail(ErrorCode.CorruptMessage, null, Offsets.LogStart);
                }

                return;
            }

            if (!MakeRoom(
                append, batch.Size, batch.BaseOffset, batch.LastOffset, batch.MaxTimestamp, _environment.NowMs))
            {
                return;
            }

            if (isFirst)
            {
                append.BaseOffset = batch.BaseOffset;
                append.LogStartOffset = Offsets.LogStart;
                isFirst = false;
            }

            append.LastOffset = batch.LastOffset;
            Stage(append, batch, batch.IsControl ? ReadControl(batch, bytes) : null, bytes);
        }
    }

    /// <summary>Null if there is none, as in a marker that cleaning has emptied.</summary>
    private static ControlRecord? ReadControl(in RecordBatchInfo batch, in ReadOnlySequence<byte> bytes)
    {
        Span<byte> records = stackalloc byte[64];
        var source = bytes.Slice(RecordBatchHeader.Size);
        var length = (int)Math.Min(records.Length, source.Length);
        source.Slice(0, length).CopyTo(records);
        return ControlRecord.TryRead(batch, records[..length], out var control) ? control : null;
    }

    private void AnswerDuplicate(LogAppend append, ProducerBatch duplicate)
    {
        append.BaseOffset = duplicate.FirstOffset;
        append.LastOffset = duplicate.LastOffset;
        append.LogAppendTimeMs = duplicate.Timestamp;
        append.LogStartOffset = Offsets.LogStart;
        append.IsDuplicate = true;
        if (duplicate.LastOffset >= Offsets.LogEnd)
        {
            // The first one is of this very call: if its write fails, this one must not claim that it is there.
            _stagedAppends.Add(append);
        }
    }

    private void Stage(
        LogAppend append, in RecordBatchInfo batch, ControlRecord? control, in ReadOnlySequence<byte> bytes)
    {
        // Entered before the write: batches of the same call build on each other, and if the write fails the whole log is
        // done with anyway.
        if (batch.HasProducerId && !batch.IsControl)
        {
            _producers.Enter(batch);
        }
        else if (batch.HasProducerId && control is { Type: ControlType.Abort or ControlType.Commit } marker
            && _producers.EnterMarker(batch, marker) is { } aborted)
        {
            _stagedAborts.Add(aborted);
        }

        foreach (var piece in bytes)
        {
            if (!piece.IsEmpty)
            {
                _pieces.Add(piece);
            }
        }

        _staged.Add(new StagedBatch(
            batch.BaseOffset, batch.LastOffset, batch.MaxTimestamp, batch.Size, batch.LeaderEpoch));
        if (_stagedAppends.Count == 0 || !ReferenceEquals(_stagedAppends[^1], append))
        {
            _stagedAppends.Add(append);
        }

        _stagedEnd = batch.NextOffset;
        _stagedSize += batch.Size;
    }

    private bool MakeRoom(
        LogAppend append, int size, long firstOffset, long lastOffset, long maxTimestamp, long nowMs)
    {
        try
        {
            if (!MustRoll(size, lastOffset, maxTimestamp, nowMs))
            {
                return true;
            }

            // What is staged belongs to the segment that ends now.
            if (WriteStaged() && TryRoll(BaseOfNext(firstOffset, lastOffset)))
            {
                return true;
            }
        }
        catch (IOException e)
        {
            // The age of the segment could not be read. What came before is in order.
            WriteStaged();
            Poison(Active.File.Path, e);
        }

        append.Fail(ErrorCode.KafkaStorageError);
        return false;
    }

    private long BaseOfNext(long firstOffset, long lastOffset) =>
        lastOffset - Offsets.LogEnd > int.MaxValue ? firstOffset : Offsets.LogEnd;

    private bool WriteStaged()
    {
        if (_staged.Count == 0)
        {
            return !_isFailed;
        }

        var active = Active;
        var position = active.Size;
        try
        {
            WritePieces(active, position);

            // The first bytes of a segment may have made its file: the name is not durable yet.
            _isDirectoryDirty |= position == 0;
            var records = 0L;
            foreach (var batch in _staged)
            {
                active.Note(batch.LastOffset, batch.MaxTimestamp, position, batch.Size, _config.IndexIntervalBytes);
                position += batch.Size;
                records += batch.LastOffset - batch.BaseOffset + 1;
                if (batch.LeaderEpoch > _epochs.Latest)
                {
                    _epochs.Assign(batch.LeaderEpoch, batch.BaseOffset);
                }
            }

            foreach (var aborted in _stagedAborts)
            {
                active.TransactionIndex.Append(aborted);
            }

            _recordsSinceFlush += records;
            active.Publish(position, _stagedEnd);
            PublishOffsets(Offsets.LogStart, Offsets.HighWatermark, _stagedEnd);
            return true;
        }
        catch (IOException e)
        {
            Poison(active.File.Path, e);
            foreach (var append in _stagedAppends)
            {
                append.Fail(ErrorCode.KafkaStorageError);
            }

            return false;
        }
        finally
        {
            _staged.Clear();
            _pieces.Clear();
            _stagedAppends.Clear();
            _stagedAborts.Clear();
            _stagedSize = 0;
        }
    }

    private void WritePieces(LogSegment active, int position)
    {
        var file = active.File.Pin() ?? throw new IOException($"{active.File.Path} is being removed");
        try
        {
            if (_pieces.Count == 1)
            {
                file.Write(_pieces[0].Span, position);
            }
            else if (_stagedSize <= SmallBlock && _stagedSize / _pieces.Count < SmallPiece)
            {
                WriteAsBlock(file, position);
            }
            else
            {
                file.Write(_pieces, position);
            }
        }
        finally
        {
            active.File.Unpin();
        }
    }

    private void WriteAsBlock(IFile file, int position)
    {
        var block = ArrayPool<byte>.Shared.Rent(_stagedSize);
        var at = 0;
        foreach (var piece in _pieces)
        {
            piece.Span.CopyTo(block.AsSpan(at));
            at += piece.Length;
        }

        file.Write(block.AsSpan(0, at), position);
        ArrayPool<byte>.Shared.Return(block);
    }

    private readonly record struct StagedBatch(
        long BaseOffset, long LastOffset, long MaxTimestamp, int Size, int LeaderEpoch);
}
