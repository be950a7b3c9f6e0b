using System.Text;

namespace Orleans.Kafka.Protocol.Tests.Compression;

/// <summary>The plain content of the files in data/, made as make-data.py there makes it.</summary>
internal static class Samples
{
    public static byte[] Make(string kind, int size)
    {
        var dice = new Dice();
        return kind switch
        {
            "zeros" => new byte[size],
            "noise" => [.. Enumerable.Range(0, size).Select(_ => (byte)dice.Next(256))],
            "few" => [.. Enumerable.Range(0, size).Select(_ => (byte)Math.Min(dice.Next(6), dice.Next(6)))],
            "steps" => Steps(dice, size),
            "drum" => Text(dice, size, throws: 40),
            "words" => Text(dice, size, throws: 3),
            _ => throw new ArgumentException($"no such sample: {kind}", nameof(kind)),
        };
    }

    public static byte[] Read(string fileName) =>
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Compression", "data", fileName));

    private static byte[] Steps(Dice dice, int size)
    {
        var steps = new List<byte>("0123456789abcdef"u8.ToArray());
        while (steps.Count < size)
        {
            steps.Add((byte)dice.Next(256));
            steps.AddRange(steps.GetRange(0, 15));
        }

        return [.. steps.Take(size)];
    }

    private static byte[] Text(Dice dice, int size, int throws)
    {
        var words = new string[300];
        for (var i = 0; i < words.Length; i++)
        {
            var length = 2 + dice.Next(9);
            var word = new StringBuilder();
            for (var j = 0; j < length; j++)
            {
                word.Append((char)('a' + Math.Min(dice.Next(26), dice.Next(26))));
            }

            words[i] = word.ToString();
        }

        var text = new StringBuilder();
        while (text.Length < size)
        {
            text.Append(words[Enumerable.Range(0, throws).Select(_ => dice.Next(300)).Min()]).Append(' ');
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, size));
    }

    private sealed class Dice
    {
        private long _state = 20261121;

        public int Next(int sides)
        {
            _state = ((_state * 1103515245) + 12345) & 0x7fffffff;
            return (int)((_state >> 16) % sides);
        }
    }
}
