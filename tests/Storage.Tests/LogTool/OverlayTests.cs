using Orleans.Kafka.LogTool;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>The view that a plan is made on behaves as the disk does, and the disk stays as it is.</summary>
public sealed class OverlayTests
{
    private const string Directory = "/data/t-0";

    [Fact]
    public void Overlay_UnderRandomChanges_LooksLikeADiskThatTookThem()
    {
        for (var seed = 1; seed <= 300; seed++)
        {
            var (below, disk) = (new TestDisk(seed), new TestDisk(seed));
            var random = new Random(seed);
            foreach (var name in (string[])["a", "b", "c"])
            {
                var bytes = new byte[random.Next(200_000)];
                random.NextBytes(bytes);
                ToolDisk.Write(below, $"{Directory}/{name}", bytes);
                ToolDisk.Write(disk, $"{Directory}/{name}", bytes);
            }

            var before = ToolDisk.Contents(below, "/data");
            var overlay = new OverlayFileSystem(below.Files);
            for (var step = 0; step < 30; step++)
            {
                var change = random.Next();
                Change(overlay, new Random(change));
                Change(disk.Files, new Random(change));
                Assert.Equal(Contents(disk.Files), Contents(overlay));
            }

            Assert.Equal(before, ToolDisk.Contents(below, "/data"));
        }
    }

    [Theory]
    [InlineData("cut", "cut a to 3 bytes: 7 bytes go")]
    [InlineData("grow", "write a anew (10 bytes, then 11 bytes)")]
    [InlineData("same", "")]
    [InlineData("rename", "rename a (10 bytes) to z")]
    [InlineData("delete", "remove a (10 bytes)")]
    [InlineData("new", "write y (4 bytes)")]
    [InlineData("new and gone", "")]
    [InlineData("replace", "")]
    public void Changes_Tell(string change, string expected)
    {
        var below = new TestDisk();
        ToolDisk.Write(below, $"{Directory}/a", "0123456789");
        var overlay = new OverlayFileSystem(below.Files);
        switch (change)
        {
            case "cut":
                using (var file = overlay.Open($"{Directory}/a", FileOpen.ReadWrite))
                {
                    file.SetLength(3);
                }

                break;
            case "grow":
                Write(overlay, "a", "x", at: 10);
                break;
            case "same":
                Write(overlay, "a", "34", at: 3);
                break;
            case "rename":
                overlay.RenameFile($"{Directory}/a", $"{Directory}/z");
                break;
            case "delete":
                overlay.DeleteFile($"{Directory}/a");
                break;
            case "new":
                Write(overlay, "y", "abcd", at: 0);
                break;
            case "new and gone":
                Write(overlay, "y", "abcd", at: 0);
                overlay.DeleteFile($"{Directory}/y");
                break;
            default:
                overlay.Replace($"{Directory}/a", "0123456789"u8);
                break;
        }

        Assert.Equal(expected, string.Join("; ", overlay.Changes().Select(c => c.What)));
    }

    [Fact]
    public void Share_ShowsBytesWithoutACopy_AlsoBesideWrittenOnes()
    {
        var below = new TestDisk();
        var bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);
        ToolDisk.Write(below, $"{Directory}/a", bytes);
        var overlay = new OverlayFileSystem(below.Files);
        using var file = (OverlayFile)overlay.Open($"{Directory}/b", FileOpen.CreateEmpty);

        file.Share($"{Directory}/a", 10, 100_000, 0);
        file.Write([1, 2, 3], 100_000);
        file.Share($"{Directory}/a", 150_000, 150_000, 100_003);

        Assert.Equal([.. bytes[10..100_010], 1, 2, 3, .. bytes[150_000..]], overlay.ReadAll($"{Directory}/b", int.MaxValue)!);
    }

    private static void Write(OverlayFileSystem overlay, string name, string text, long at)
    {
        using var file = overlay.Open($"{Directory}/{name}", FileOpen.CreateOrOpen);
        file.Write(System.Text.Encoding.ASCII.GetBytes(text), at);
    }

    private static void Change(IFileSystem files, Random random)
    {
        var names = files.List(Directory).Select(f => f.Name).Order(StringComparer.Ordinal).ToList();
        var path = $"{Directory}/{(names.Count > 0 ? names[random.Next(names.Count)] : "d")}";
        var other = $"{Directory}/{(char)('a' + random.Next(6))}";
        var kind = names.Count == 0 ? 0 : random.Next(5);
        switch (kind)
        {
            case 0:
                using (var file = files.Open(other, random.Next(4) == 0 ? FileOpen.CreateEmpty : FileOpen.CreateOrOpen))
                {
                    var bytes = new byte[random.Next(100_000)];
                    random.NextBytes(bytes);
                    file.Write(bytes, random.Next((int)file.Length + 1));
                }

                break;
            case 1 or 2:
                using (var file = files.Open(path, FileOpen.ReadWrite))
                {
                    file.SetLength(random.Next((int)file.Length + 50_000));
                }

                break;
            case 3:
                files.RenameFile(path, other);
                break;
            default:
                if (random.Next(3) == 0)
                {
                    files.DeleteFile(path);
                }

                break;
        }
    }

    private static List<string> Contents(IFileSystem files) =>
    [
        .. files.List(Directory).OrderBy(f => f.Name, StringComparer.Ordinal).Select(f =>
        {
            var bytes = files.ReadAll($"{Directory}/{f.Name}", int.MaxValue)!;
            Assert.Equal(f.Length, bytes.Length);
            return $"{f.Name} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))}";
        }),
    ];
}
