using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>Writes bits, lowest first. Stops, and says so, where the target ends.</summary>
internal ref struct BitWriter(Span<byte> target)
{
    private readonly Span<byte> _target = target;
    private ulong _pending;
    private int _pendingBits;
    private int _written;

    /// <summary>True when the target was too short for what was written.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Appends the lowest bits of a value, at most 32.</summary>
    public void Write(uint value, int count)
    {
        _pending |= ((ulong)value & ((1ul << count) - 1)) << _pendingBits;
        _pendingBits += count;
        if (_pendingBits >= 32)
        {
            Drain();
        }
    }

    /// <summary>Ends a stream that is read backward: marks where it begins. Gives the bytes written.</summary>
    public int FinishBackward()
    {
        Write(1, 1);
        return FinishForward();
    }

    /// <summary>Fills the last byte up. Gives the bytes written.</summary>
    public int FinishForward()
    {
        for (; _pendingBits > 0; _pendingBits -= 8, _pending >>= 8)
        {
            if (_written == _target.Length)
            {
                IsFull = true;
                break;
            }

            _target[_written++] = (byte)_pending;
        }

        return _written;
    }

    private void Drain()
    {
        if (_target.Length - _written < 4)
        {
            IsFull = true;
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_target[_written..], (uint)_pending);
            _written += 4;
        }

        _pending >>= 32;
        _pendingBits -= 32;
    }
}
