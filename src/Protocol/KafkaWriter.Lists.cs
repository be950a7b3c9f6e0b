using System.Runtime.InteropServices;

namespace Orleans.Kafka.Protocol;

/// <content>Arrays of primitive types; null is written as empty unless the name says otherwise.</content>
public ref partial struct KafkaWriter
{
    /// <summary>Writes an array of bytes.</summary>
    public void WriteInt8List(List<sbyte>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        WriteRaw(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(items)));
    }

    /// <summary>Writes an array of two-byte numbers.</summary>
    public void WriteInt16List(List<short>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            WriteInt16(item);
        }
    }

    /// <summary>Writes an array of four-byte numbers.</summary>
    public void WriteInt32List(List<int>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            WriteInt32(item);
        }
    }

    /// <summary>Writes an array of eight-byte numbers.</summary>
    public void WriteInt64List(List<long>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            WriteInt64(item);
        }
    }

    /// <summary>Writes an array of ids.</summary>
    public void WriteUuidList(List<KafkaUuid>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            WriteUuid(item);
        }
    }

    /// <summary>Writes an array of strings.</summary>
    public void WriteStringList(List<string>? items)
    {
        WriteArrayLength(items?.Count ?? 0);
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            WriteString(item);
        }
    }

    /// <summary>Writes an array of bytes or null.</summary>
    public void WriteNullableInt8List(List<sbyte>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteInt8List(items);
        }
    }

    /// <summary>Writes an array of two-byte numbers or null.</summary>
    public void WriteNullableInt16List(List<short>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteInt16List(items);
        }
    }

    /// <summary>Writes an array of four-byte numbers or null.</summary>
    public void WriteNullableInt32List(List<int>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteInt32List(items);
        }
    }

    /// <summary>Writes an array of eight-byte numbers or null.</summary>
    public void WriteNullableInt64List(List<long>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteInt64List(items);
        }
    }

    /// <summary>Writes an array of ids or null.</summary>
    public void WriteNullableUuidList(List<KafkaUuid>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteUuidList(items);
        }
    }

    /// <summary>Writes an array of strings or null.</summary>
    public void WriteNullableStringList(List<string>? items)
    {
        if (!WriteNullList(items is null))
        {
            WriteStringList(items);
        }
    }

    private bool WriteNullList(bool isNull)
    {
        if (isNull)
        {
            WriteArrayLength(-1);
        }

        return isNull;
    }
}
