namespace Orleans.Kafka.Protocol;

/// <content>Nullable structs, and tagged fields (KIP-482): at the end of every struct of a flexible version.</content>
public ref partial struct KafkaReader
{
    private const int MinTagSize = 2;

    /// <summary>The byte in front of a nullable struct: negative is null.</summary>
    public bool ReadPresence() => ReadInt8() >= 0 && !_failed;

    /// <summary>The varint in front of a nullable struct in a tagged field: 0 is null.</summary>
    public bool ReadTaggedPresence() => ReadUnsignedVarInt() != 0;

    /// <summary>Number of tagged fields that follow; 0 in a version that is not flexible.</summary>
    public int ReadTagCount()
    {
        if (!Flexible)
        {
            return 0;
        }

        var count = ReadUnsignedVarInt();
        if ((long)count * MinTagSize > Remaining)
        {
            Fail();
            return 0;
        }

        return (int)count;
    }

    /// <summary>Reads number and size of a tagged field; false after a failure.</summary>
    /// <param name="tag">The number.</param>
    /// <param name="end">What <see cref="Remaining"/> must be behind the field.</param>
    public bool BeginTag(out uint tag, out long end)
    {
        tag = ReadUnsignedVarInt();
        var size = ReadUnsignedVarInt();
        end = Remaining - size;
        if (end < 0)
        {
            Fail();
        }

        return !_failed;
    }

    /// <summary>Reads over a tagged field that nobody knows.</summary>
    public void SkipTag(long end) => Skip(Remaining - end);

    /// <summary>Fails unless the tagged field had exactly the size it announced.</summary>
    public void EndTag(long end)
    {
        if (Remaining != end)
        {
            Fail();
        }
    }

    /// <summary>Reads over all tagged fields of a struct that declares none.</summary>
    public void SkipTags()
    {
        for (var tags = ReadTagCount(); tags > 0 && BeginTag(out _, out var end); tags--)
        {
            SkipTag(end);
        }
    }
}
