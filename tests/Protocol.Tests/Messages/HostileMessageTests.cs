using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Bytes that nobody well-meaning would send. Seeded: a failure comes again.</summary>
public sealed class HostileMessageTests
{
    /// <summary>Most bytes of memory per byte of input: an empty nullable list is 32 for one, and a slot of 8.</summary>
    private const long MemoryPerByte = 40;

    /// <summary>What a decode may take whatever the input: the structs that are always there.</summary>
    private const long MemoryAnyway = 1_024;

    [Fact]
    public void RandomBytes_Decoded_NeitherThrowNorTakeMemory()
    {
        var random = new Random(20_261_121);
        foreach (var (name, min, max) in Schema.All())
        {
            for (var version = min; version <= max; version++)
            {
                for (var round = 0; round < 40; round++)
                {
                    var bytes = new byte[random.Next(400)];
                    random.NextBytes(bytes);
                    AssertModest(name, version, bytes);
                }
            }
        }
    }

    [Fact]
    public void RunsOfOneByte_Decoded_NeitherThrowNorTakeMemory()
    {
        // Runs of 1 and 2 are deep trees of tiny structs in flexible versions; 0 is that in the others.
        byte[] fillings = [0, 1, 2, 3, 4, 0x7f, 0x80, 0x81, 0xff];
        foreach (var (name, min, max) in Schema.All())
        {
            for (var version = min; version <= max; version++)
            {
                foreach (var filling in fillings)
                {
                    var bytes = new byte[2_000];
                    bytes.AsSpan().Fill(filling);
                    AssertModest(name, version, bytes);
                }
            }
        }
    }

    [Theory]
    [InlineData("apis.jsonl")]
    [InlineData("records.jsonl")]
    public void MutatedMessages_Decoded_NeitherThrowNorTakeMemory(string file)
    {
        var random = new Random(3);
        foreach (var golden in SelectedMessageTests.Selected(file))
        {
            for (var round = 0; round < 60; round++)
            {
                AssertModest(golden.Name, golden.Version, Mutate(golden.Body, random));
            }
        }
    }

    [Theory]
    [InlineData("apis.jsonl")]
    [InlineData("records.jsonl")]
    public void HugeLengths_PutAnywhere_NeitherThrowNorTakeMemory(string file)
    {
        // Overwrites every place of every message with a large count, and follows it with what makes small elements.
        foreach (var golden in SelectedMessageTests.Selected(file))
        {
            for (var at = 0; at < golden.Body.Length; at++)
            {
                AssertModest(golden.Name, golden.Version, [.. golden.Body[..at], 0xff, 0x0f, .. Filled(2_046, 1)]);
                AssertModest(golden.Name, golden.Version, [.. golden.Body[..at], 0, 0, 1, 0xff, .. Filled(2_046, 0)]);
                AssertModest(golden.Name, golden.Version, [.. golden.Body[..at], 0x7f, 0xff, 0xff, 0xff]);
                AssertModest(golden.Name, golden.Version, [.. golden.Body[..at], 0xff, 0xff, 0xff, 0xff, 0x07]);
            }
        }
    }

    [Fact]
    public void RandomHeaders_Read_DoNotThrow()
    {
        var random = new Random(5);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            var reader = new KafkaReader(Pieces.Of(bytes, 1 + random.Next(9)));
            _ = RequestHeader.TryRead(ref reader, out _, "client");
        }
    }

    [Fact]
    public void RandomBytes_InSegments_EndAsInOne()
    {
        var random = new Random(11);
        foreach (var golden in SelectedMessageTests.Selected("apis.jsonl"))
        {
            for (var round = 0; round < 10; round++)
            {
                var bytes = Mutate(golden.Body, random);
                var whole = new KafkaReader(bytes);
                var cut = new KafkaReader(Pieces.Of(bytes, 1 + random.Next(20)));
                Schema.Create(golden.Name).Read(ref whole, golden.Version);
                Schema.Create(golden.Name).Read(ref cut, golden.Version);
                Assert.Equal((whole.Failed, whole.Remaining), (cut.Failed, cut.Remaining));
            }
        }
    }

    private static void AssertModest(string name, short version, byte[] bytes)
    {
        var message = Schema.Create(name);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var reader = new KafkaReader(bytes);
        message.Read(ref reader, version);
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        if (taken > MemoryAnyway + (bytes.Length * MemoryPerByte))
        {
            Assert.Fail($"{name} v{version} took {taken} bytes for {bytes.Length}: {Convert.ToHexString(bytes)}");
        }
    }

    private static byte[] Filled(int length, byte value)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    private static byte[] Mutate(byte[] body, Random random)
    {
        var bytes = body.ToArray();
        for (var changes = random.Next(1, 4); changes > 0 && bytes.Length > 4; changes--)
        {
            var at = random.Next(bytes.Length - 4);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), random.Next(-3, 100_000));
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[(at + 1)..]];
                    break;
                default:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
            }
        }

        return bytes;
    }
}
