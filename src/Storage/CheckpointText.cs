using System.Globalization;
using System.Text;

namespace Orleans.Kafka.Storage;

/// <summary>Kafka's text checkpoints: a line with version 0, a line with the count, then so many lines.</summary>
internal static class CheckpointText
{
    /// <summary>The lines, each split at spaces; null if the text is not whole.</summary>
    public static List<string[]>? TryParse(ReadOnlySpan<byte> text, int fields)
    {
        if (text is not [.., (byte)'\n'])
        {
            return null;
        }

        var lines = Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length < 2 || lines[0].Trim() != "0"
            || !int.TryParse(lines[1], CultureInfo.InvariantCulture, out var count) || lines.Length - 2 != count)
        {
            return null;
        }

        var result = new List<string[]>(count);
        foreach (var line in lines.AsSpan(2))
        {
            var parts = line.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != fields)
            {
                return null;
            }

            result.Add(parts);
        }

        return result;
    }
}
