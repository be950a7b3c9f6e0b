using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>Where a listener is: <c>NAME://host:port</c>.</summary>
/// <param name="Name">The listener's name, in capitals.</param>
/// <param name="Host">Host name or address, without brackets; empty for every address of the machine.</param>
/// <param name="Port">The port; 0 to take a free one.</param>
/// <param name="Protocol">PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.</param>
public sealed record ListenerAddress(string Name, string Host, int Port, string Protocol)
{
    /// <summary>Reads an address; false when it is none.</summary>
    internal static bool TryParse(string text, out string name, out string host, out int port)
    {
        name = host = "";
        port = 0;
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        var colon = text.LastIndexOf(':');
        if (scheme <= 0 || colon < scheme + 3)
        {
            return false;
        }

        name = text[..scheme].ToUpperInvariant();
        host = text[(scheme + 3)..colon];
        var bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (bracketed)
        {
            host = host[1..^1];
        }

        var isPort = int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port);
        return isPort && port <= ushort.MaxValue && (bracketed || !host.Contains(':')) && !host.Contains('/');
    }

    /// <inheritdoc/>
    public override string ToString() =>
        Host.Contains(':') ? $"{Name}://[{Host}]:{Port}" : $"{Name}://{Host}:{Port}";
}
