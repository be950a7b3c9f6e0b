using System.Runtime.InteropServices;

namespace Orleans.Kafka.Protocol;

/// <content>
/// Arrays of primitive types. An empty array that cannot be null is given as null, so that it costs nothing: messages
/// make the list when somebody asks for it.
/// </content>
public ref partial struct KafkaReader
{
    /// <summary>Length of an array, at least 0; null is a failure, as is a length that cannot be there.</summary>
    /// <param name="minElementSize">Fewest bytes an element can take, at least 1.</param>
    public int ReadArrayLength(int minElementSize)
    {
        var length = ReadNullableArrayLength(minElementSize);
        if (length < 0)
        {
            Fail();
            return 0;
        }

        return length;
    }

    /// <summary>Length of an array, -1 for null; a length that cannot be there is a failure.</summary>
    /// <param name="minElementSize">Fewest bytes an element can take, at least 1.</param>
    public int ReadNullableArrayLength(int minElementSize)
    {
        var length = ReadLength();
        if (length <= 0)
        {
            return length < 0 ? -1 : 0;
        }

        if ((long)length * minElementSize > Remaining)
        {
            Fail();
            return 0;
        }

        return length;
    }

    /// <summary>Reads an array of bytes.</summary>
    public List<sbyte>? ReadInt8List() => Int8Items(ReadArrayLength(sizeof(sbyte)), isNullable: false);

    /// <summary>Reads an array of bytes or null.</summary>
    public List<sbyte>? ReadNullableInt8List() => Int8Items(ReadNullableArrayLength(sizeof(sbyte)), isNullable: true);

    /// <summary>Reads an array of two-byte numbers.</summary>
    public List<short>? ReadInt16List() => Int16Items(ReadArrayLength(sizeof(short)), isNullable: false);

    /// <summary>Reads an array of two-byte numbers or null.</summary>
    public List<short>? ReadNullableInt16List() => Int16Items(ReadNullableArrayLength(sizeof(short)), isNullable: true);

    /// <summary>Reads an array of four-byte numbers.</summary>
    public List<int>? ReadInt32List() => Int32Items(ReadArrayLength(sizeof(int)), isNullable: false);

    /// <summary>Reads an array of four-byte numbers or null.</summary>
    public List<int>? ReadNullableInt32List() => Int32Items(ReadNullableArrayLength(sizeof(int)), isNullable: true);

    /// <summary>Reads an array of eight-byte numbers.</summary>
    public List<long>? ReadInt64List() => Int64Items(ReadArrayLength(sizeof(long)), isNullable: false);

    /// <summary>Reads an array of eight-byte numbers or null.</summary>
    public List<long>? ReadNullableInt64List() => Int64Items(ReadNullableArrayLength(sizeof(long)), isNullable: true);

    /// <summary>Reads an array of ids.</summary>
    public List<KafkaUuid>? ReadUuidList() => UuidItems(ReadArrayLength(KafkaUuid.Size), isNullable: false);

    /// <summary>Reads an array of ids or null.</summary>
    public List<KafkaUuid>? ReadNullableUuidList() =>
        UuidItems(ReadNullableArrayLength(KafkaUuid.Size), isNullable: true);

    /// <summary>Reads an array of strings.</summary>
    public List<string>? ReadStringList() => StringItems(ReadArrayLength(MinStringSize), isNullable: false);

    /// <summary>Reads an array of strings or null.</summary>
    public List<string>? ReadNullableStringList() =>
        StringItems(ReadNullableArrayLength(MinStringSize), isNullable: true);

    private readonly int MinStringSize => Flexible ? 1 : sizeof(short);

    private static List<T>? Sized<T>(int count, bool isNullable)
    {
        if (count < 0 || (count == 0 && !isNullable))
        {
            return null;
        }

        var items = new List<T>(count);
        CollectionsMarshal.SetCount(items, count);
        return items;
    }

    private List<sbyte>? Int8Items(int count, bool isNullable)
    {
        var items = Sized<sbyte>(count, isNullable);
        _ = Gather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(items)));
        return items;
    }

    private List<short>? Int16Items(int count, bool isNullable)
    {
        var items = Sized<short>(count, isNullable);
        foreach (ref var item in CollectionsMarshal.AsSpan(items))
        {
            item = ReadInt16();
        }

        return items;
    }

    private List<int>? Int32Items(int count, bool isNullable)
    {
        var items = Sized<int>(count, isNullable);
        foreach (ref var item in CollectionsMarshal.AsSpan(items))
        {
            item = ReadInt32();
        }

        return items;
    }

    private List<long>? Int64Items(int count, bool isNullable)
    {
        var items = Sized<long>(count, isNullable);
        foreach (ref var item in CollectionsMarshal.AsSpan(items))
        {
            item = ReadInt64();
        }

        return items;
    }

    private List<KafkaUuid>? UuidItems(int count, bool isNullable)
    {
        var items = Sized<KafkaUuid>(count, isNullable);
        foreach (ref var item in CollectionsMarshal.AsSpan(items))
        {
            item = ReadUuid();
        }

        return items;
    }

    private List<string>? StringItems(int count, bool isNullable)
    {
        var items = Sized<string>(count, isNullable);
        foreach (ref var item in CollectionsMarshal.AsSpan(items))
        {
            item = ReadString();
        }

        return items;
    }
}
