using System.Buffers;
using System.Text;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Primitive types on the way in.</summary>
public sealed class ReaderTests
{
    [Theory]
    [InlineData("00", 0u)]
    [InlineData("7f", 127u)]
    [InlineData("8001", 128u)]
    [InlineData("ffffffff0f", uint.MaxValue)]
    public void UnsignedVarInt_Read_GivesItsValue(string hex, uint expected)
    {
        var reader = new KafkaReader(Convert.FromHexString(hex));
        Assert.Equal(expected, reader.ReadUnsignedVarInt());
        Assert.False(reader.Failed);
    }

    [Theory]
    [InlineData("ffffffffff01")]
    [InlineData("80")]
    [InlineData("")]
    public void UnsignedVarInt_TooLongOrCut_Fails(string hex)
    {
        var reader = new KafkaReader(Convert.FromHexString(hex));
        _ = reader.ReadUnsignedVarInt();
        Assert.True(reader.Failed);
    }

    [Fact]
    public void Reader_AfterFailure_GivesNothingMore()
    {
        var reader = new KafkaReader(new byte[] { 0, 1, 0, 0, 0, 9 });
        _ = reader.ReadInt64();
        Assert.True(reader.Failed);
        Assert.Equal(0, reader.Remaining);
        Assert.Equal(0, reader.ReadInt16());
        Assert.Null(reader.ReadInt32List());
        Assert.Equal("", reader.ReadString());
        Assert.True(reader.ReadSlice(1).IsEmpty);
    }

    [Theory]
    [InlineData(false, "ffff", true)]
    [InlineData(false, "fffe", true)]
    [InlineData(true, "00", true)]
    [InlineData(false, "0000", false)]
    [InlineData(true, "01", false)]
    public void NullableString_NegativeLength_IsNull(bool flexible, string hex, bool isNull)
    {
        var reader = new KafkaReader(Convert.FromHexString(hex)) { Flexible = flexible };
        Assert.Equal(isNull ? null : "", reader.ReadNullableString());
        Assert.False(reader.Failed);
    }

    [Fact]
    public void String_LongerThanTheProtocolAllows_Fails()
    {
        // 32,768 as a compact length; all its bytes are there.
        var reader = new KafkaReader((byte[])[0x81, 0x80, 0x02, .. new byte[40_000]]) { Flexible = true };
        _ = reader.ReadString();
        Assert.True(reader.Failed);
    }

    [Fact]
    public void String_AcrossSegments_IsWhole()
    {
        var text = string.Concat(Enumerable.Repeat("käfig€", 200));
        var utf8 = Encoding.UTF8.GetBytes(text);
        byte[] bytes = [(byte)(utf8.Length >> 8), (byte)utf8.Length, .. utf8];
        var reader = new KafkaReader(Pieces.Of(bytes, 7));
        Assert.Equal(text, reader.ReadString());
    }

    [Theory]
    [InlineData("00000005", 1, false)]
    [InlineData("0000000500000000", 1, true)]
    [InlineData("000000020000000000000000", 4, false)]
    [InlineData("7fffffff00000000", 4, true)]
    [InlineData("ffffffff", 1, true)]
    public void ArrayLength_BeyondWhatIsThere_Fails(string hex, int minSize, bool fails)
    {
        var reader = new KafkaReader(Convert.FromHexString(hex == "00000005" ? hex + "0000000000" : hex));
        _ = reader.ReadArrayLength(minSize);
        Assert.Equal(fails, reader.Failed);
    }

    [Fact]
    public void Records_Read_AreASliceOfTheInput()
    {
        byte[] bytes = [0, 0, 0, 3, 7, 8, 9, 1];
        var reader = new KafkaReader(bytes);
        var records = reader.ReadRecords();
        Assert.Equal(3, records.Length);
        Assert.Equal(1, reader.Remaining);
        bytes[4] = 42;
        Assert.Equal(42, records.Bytes.FirstSpan[0]);
    }

    [Fact]
    public void Records_AcrossSegments_AreASliceOfTheInput()
    {
        byte[] bytes = [9, 9, 0, 0, 0, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 77];
        for (var size = 1; size < bytes.Length; size++)
        {
            var reader = new KafkaReader(Pieces.Of(bytes, size));
            _ = reader.ReadInt16();
            var records = reader.ReadRecords();
            Assert.Equal(bytes[6..17], records.Bytes.ToArray());
            Assert.Equal(77, reader.ReadInt8());
            Assert.Equal(0, reader.Remaining);
        }
    }

    [Fact]
    public void Tag_WithAnotherSizeThanItsField_Fails()
    {
        // Fetch request version 12, tag 0 (cluster id) announces 5 bytes and takes 3.
        var message = new Protocol.Messages.FetchRequest { ClusterId = "ab" };
        var bytes = Golden.MessageJson.Encode(message, 12);
        bytes[^4] = 5;
        var reader = new KafkaReader((byte[])[.. bytes, 0, 0, 0, 0]);
        new Protocol.Messages.FetchRequest().Read(ref reader, 12);
        Assert.True(reader.Failed);
    }

    [Fact]
    public void BytesBehindTheBody_AreLeft()
    {
        var reader = new KafkaReader(new byte[] { 0, 0, 0, 5, 0, 0, 1, 2, 3 });
        new Protocol.Messages.HeartbeatResponse().Read(ref reader, 1);
        Assert.False(reader.Failed);
        Assert.Equal(3, reader.Remaining);
    }
}
