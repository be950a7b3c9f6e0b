using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>Kinds of control records.</summary>
public enum ControlType : short
{
    /// <summary>Ends a transaction: its records are void.</summary>
    Abort = 0,

    /// <summary>Ends a transaction: its records count.</summary>
    Commit = 1,

    /// <summary>KRaft only.</summary>
    LeaderChange = 2,

    /// <summary>KRaft only.</summary>
    SnapshotHeader = 3,

    /// <summary>KRaft only.</summary>
    SnapshotFooter = 4,

    /// <summary>KRaft only.</summary>
    KRaftVersion = 5,

    /// <summary>KRaft only.</summary>
    KRaftVoters = 6,
}

/// <summary>
/// The one record of a control batch. Key: int16 version, int16 type. Value of an end-of-transaction marker:
/// int16 version, int32 coordinator epoch.
/// </summary>
public readonly record struct ControlRecord(ControlType Type, int CoordinatorEpoch)
{
    /// <summary>Reads the control record of a batch; false if it holds none that can be understood.</summary>
    /// <param name="batch">The batch's header.</param>
    /// <param name="records">The bytes behind the header.</param>
    /// <param name="control">What it says; the coordinator epoch is -1 where the type has none.</param>
    public static bool TryRead(in RecordBatchInfo batch, ReadOnlySpan<byte> records, out ControlRecord control)
    {
        control = default;
        var reader = new RecordReader(batch, records);
        if (!reader.Next() || reader.Key.Length < 4)
        {
            return false;
        }

        var type = (ControlType)BinaryPrimitives.ReadInt16BigEndian(reader.Key[2..]);
        var epoch = -1;
        if (type is ControlType.Abort or ControlType.Commit)
        {
            if (reader.Value.Length < 6)
            {
                return false;
            }

            epoch = BinaryPrimitives.ReadInt32BigEndian(reader.Value[2..]);
        }

        control = new ControlRecord(type, epoch);
        return true;
    }
}
