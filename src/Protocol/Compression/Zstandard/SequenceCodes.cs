namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// One of the three kinds of code that a sequence has (RFC 8878, 3.1.1.3.2): what a code stands for, how many further
/// bits are added to it, and the distribution that holds when a block brings none.
/// </summary>
internal sealed class SequenceCodes
{
    // Nearly all lengths are small.
    private readonly byte[] _ofSmall = new byte[256];

    private SequenceCodes(int largestLog, int defaultLog, short[] defaultCounts, uint[] bases, byte[] bits)
    {
        LargestLog = largestLog;
        Bases = bases;
        Bits = bits;
        DefaultCounts = defaultCounts;
        DefaultLog = defaultLog;
        DefaultTable = new FseTable(defaultLog);
        DefaultTable.Build(defaultCounts, defaultLog);
        for (var value = 0; value < _ofSmall.Length; value++)
        {
            _ofSmall[value] = (byte)Search((uint)value);
        }
    }

    public static SequenceCodes LiteralLength { get; } = new(
        9,
        6,
        [
            4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2,
            2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
        ],
        [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
            14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512,
            1024, 2048, 4096, 8192, 16384, 32768, 65536,
        ],
        [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            16,
        ]);

    public static SequenceCodes MatchLength { get; } = new(
        9,
        6,
        [
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
        ],
        [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
            17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
            32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59,
            67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771,
            65539,
        ],
        [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,
            2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        ]);

    public static SequenceCodes Offset { get; } = new(
        8,
        5,
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
        [.. Enumerable.Range(0, 32).Select(code => 1u << code)],
        [.. Enumerable.Range(0, 32).Select(code => (byte)code)]);

    /// <summary>The largest table that a block may bring, as a power of two.</summary>
    public int LargestLog { get; }

    /// <summary>By code: the smallest number it stands for.</summary>
    public uint[] Bases { get; }

    /// <summary>By code: how many bits follow, to be added.</summary>
    public byte[] Bits { get; }

    public short[] DefaultCounts { get; }

    public int DefaultLog { get; }

    public FseTable DefaultTable { get; }

    /// <summary>The code that a number has.</summary>
    public int CodeOf(uint value) => value < (uint)_ofSmall.Length ? _ofSmall[value] : Search(value);

    private int Search(uint value)
    {
        var code = Bases.AsSpan().BinarySearch(value);
        return code >= 0 ? code : Math.Max(0, ~code - 1);
    }
}
