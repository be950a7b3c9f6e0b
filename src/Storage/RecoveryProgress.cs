namespace Orleans.Kafka.Storage;

/// <summary>
/// How far the opening of many logs after an unclean stop has come (KIP-831). Bytes are those of the segments that may
/// hold what was not flushed; of the part below the recovery point only headers are read, so the percentage is not
/// quite even in time. Any thread may read it.
/// </summary>
public sealed class RecoveryProgress
{
    private readonly int[] _segmentsLeft;
    private int _logsDone;
    private long _bytesDone;

    internal RecoveryProgress(int logs, long bytes, int threads)
    {
        Logs = logs;
        Bytes = bytes;
        _segmentsLeft = new int[threads];
    }

    /// <summary>Logs to open.</summary>
    public int Logs { get; }

    /// <summary>Logs opened, or given up.</summary>
    public int LogsDone => Volatile.Read(ref _logsDone);

    /// <summary>Bytes to look through.</summary>
    public long Bytes { get; }

    /// <summary>Bytes looked through.</summary>
    public long BytesDone => Interlocked.Read(ref _bytesDone);

    /// <summary>Threads that share the work.</summary>
    public int Threads => _segmentsLeft.Length;

    /// <summary>From 0 to 100: by bytes, and by logs where there are none.</summary>
    public double Percent =>
        Bytes > 0 ? 100.0 * BytesDone / Bytes : Logs > 0 ? 100.0 * LogsDone / Logs : 100;

    /// <summary>Segments that a thread still has to look through in the log that it is at.</summary>
    public int SegmentsLeft(int thread) => Volatile.Read(ref _segmentsLeft[thread]);

    internal OfLog Begin(int thread, int segments, long bytes)
    {
        Volatile.Write(ref _segmentsLeft[thread], segments);
        return new OfLog(this, thread, bytes);
    }

    /// <summary>The part of one log. For the thread that opens it.</summary>
    internal sealed class OfLog(RecoveryProgress whole, int thread, long bytes)
    {
        // Whoever looks wants to know of gigabytes: nothing is counted for each batch.
        private const int Step = 1024 * 1024;

        private long _position;
        private long _left = bytes;

        /// <summary>The scan of a segment has come so far. Going back to its beginning counts nothing.</summary>
        public void Reached(long position)
        {
            if (position - _position >= Step)
            {
                Count(position - _position);
                _position = position;
            }
        }

        /// <summary>A segment was scanned, to whatever end.</summary>
        public void EndSegment(long length)
        {
            Count(length - _position);
            _position = 0;
            Volatile.Write(ref whole._segmentsLeft[thread], Math.Max(0, whole._segmentsLeft[thread] - 1));
        }

        /// <summary>Nothing is left to do, also where less was there than expected, or was left out.</summary>
        public void End()
        {
            Count(_left);
            Volatile.Write(ref whole._segmentsLeft[thread], 0);
            Interlocked.Increment(ref whole._logsDone);
        }

        private void Count(long count)
        {
            count = Math.Clamp(count, 0, _left);
            _left -= count;
            Interlocked.Add(ref whole._bytesDone, count);
        }
    }
}
