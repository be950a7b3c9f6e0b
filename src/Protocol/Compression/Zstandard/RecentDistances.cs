namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>The three distances used last in a frame, which codes 1 to 3 name (RFC 8878, 3.1.1.5).</summary>
internal struct RecentDistances
{
    private const uint FirstPlainCode = 4;

    private uint _latest;
    private uint _second;
    private uint _third;

    /// <summary>What holds at the beginning of a frame.</summary>
    public static RecentDistances AtBegin => new() { _latest = 1, _second = 4, _third = 8 };

    /// <summary>Turns a code into a distance, and remembers it. 0 when the code stands for none.</summary>
    public uint Resolve(uint code, bool isWithoutLiterals)
    {
        if (code >= FirstPlainCode)
        {
            (_latest, _second, _third) = (code - 3, _latest, _second);
            return _latest;
        }

        switch (code + (isWithoutLiterals ? 1u : 0u))
        {
            case 1:
                break;
            case 2:
                (_latest, _second) = (_second, _latest);
                break;
            case 3:
                (_latest, _second, _third) = (_third, _latest, _second);
                break;
            default:
                (_latest, _second, _third) = (_latest - 1, _latest, _second);
                break;
        }

        return _latest;
    }

    /// <summary>Finds the code of a distance, and remembers the distance.</summary>
    public uint CodeOf(uint distance, bool isWithoutLiterals)
    {
        var code = distance + 3;
        if (!isWithoutLiterals)
        {
            code = distance == _latest ? 1 : distance == _second ? 2 : distance == _third ? 3 : code;
        }

        Resolve(code, isWithoutLiterals);
        return code;
    }
}
