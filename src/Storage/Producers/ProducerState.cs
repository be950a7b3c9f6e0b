using System.Runtime.CompilerServices;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>One batch of an idempotent producer, as far as duplicates are told by it.</summary>
internal readonly record struct ProducerBatch(int LastSequence, long LastOffset, int OffsetDelta, long Timestamp)
{
    public int FirstSequence => ProducerSequence.Subtract(LastSequence, OffsetDelta);

    public long FirstOffset => LastOffset - OffsetDelta;
}

/// <summary>What a partition remembers of one producer: its epoch, its last five batches, its open transaction.</summary>
internal sealed class ProducerState(long producerId)
{
    /// <summary>A client may have five requests in flight; each may come again.</summary>
    public const int BatchesKept = 5;

    private Batches _batches;
    private int _first;
    private int _count;

    public long ProducerId { get; } = producerId;

    public short Epoch { get; private set; } = -1;

    public int CoordinatorEpoch { get; set; } = -1;

    /// <summary>Largest timestamp of its last batch, or that of its last marker (ms).</summary>
    public long LastTimestamp { get; set; } = -1;

    /// <summary>First offset of its open transaction, -1 for none.</summary>
    public long TransactionFirstOffset { get; set; } = -1;

    public bool HasBatches => _count > 0;

    public ProducerBatch LastBatch => _batches[(_first + _count - 1) % BatchesKept];

    /// <summary>Last sequence, -1 without batches.</summary>
    public int LastSequence => _count > 0 ? LastBatch.LastSequence : ProducerSequence.None;

    /// <summary>Last data offset, -1 without batches.</summary>
    public long LastDataOffset => _count > 0 ? LastBatch.LastOffset : -1;

    public void SetEpoch(short epoch)
    {
        if (epoch != Epoch)
        {
            Epoch = epoch;
            _count = 0;
        }
    }

    public void AddBatch(short epoch, ProducerBatch batch)
    {
        SetEpoch(epoch);
        if (_count == BatchesKept)
        {
            _first = (_first + 1) % BatchesKept;
            _count--;
        }

        _batches[(_first + _count) % BatchesKept] = batch;
        _count++;
        LastTimestamp = batch.Timestamp;
    }

    /// <summary>Finds a batch of the last five with the same epoch and the same first and last sequence.</summary>
    public bool TryFindDuplicate(in RecordBatchInfo batch, out ProducerBatch duplicate)
    {
        duplicate = default;
        if (batch.ProducerEpoch != Epoch)
        {
            return false;
        }

        for (var i = 0; i < _count; i++)
        {
            duplicate = _batches[(_first + i) % BatchesKept];
            if (duplicate.LastSequence == batch.LastSequence && duplicate.FirstSequence == batch.BaseSequence)
            {
                return true;
            }
        }

        return false;
    }

    public bool IsExpired(long nowMs, long expirationMs) =>
        TransactionFirstOffset < 0 && nowMs - LastTimestamp >= expirationMs;

    [InlineArray(BatchesKept)]
    private struct Batches
    {
        private ProducerBatch _first;
    }
}
