using System.Buffers;
using System.Diagnostics;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

/// <summary>What is written here, at any level, the tools of the formats' makers read.</summary>
public class ForeignDecoderTests
{
    [ToolTheory("lz4")]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(17)]
    public Task Lz4_AtALevel_IsReadByItsTool(int level) => AssertReadsAsync("lz4", CompressionCodec.Lz4, level);

    [ToolTheory("zstd")]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(10)]
    [InlineData(22)]
    public Task Zstd_AtALevel_IsReadByItsTool(int level) => AssertReadsAsync("zstd", CompressionCodec.Zstd, level);

    private static async Task AssertReadsAsync(string tool, CompressionCodec codec, int level)
    {
        (string, int)[] samples =
            [("words", 400_000), ("drum", 200_000), ("noise", 70_000), ("zeros", 200_000), ("words", 1)];
        foreach (var (kind, size) in samples)
        {
            var plain = Samples.Make(kind, size);
            var compressed = new ArrayBufferWriter<byte>();
            Assert.True(Compressions.TryCompress(codec, new(plain), compressed, level));
            var decoded = await DecodeAsync(tool, compressed.WrittenMemory);
            Assert.True(plain.AsSpan().SequenceEqual(decoded), $"{kind} {size}");
        }
    }

    private static async Task<byte[]> DecodeAsync(string tool, ReadOnlyMemory<byte> compressed)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, ["-d", "-c"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        using var plain = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(plain);
        await process.StandardInput.BaseStream.WriteAsync(compressed);
        process.StandardInput.Close();
        await reading;
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return plain.ToArray();
    }
}

/// <summary>A test that needs a program of the machine; without it, it says so.</summary>
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(string tool)
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        if (!path.Split(Path.PathSeparator).Any(d => File.Exists(Path.Join(d, tool))))
        {
            Skip = $"{tool} is not installed";
        }
    }
}
