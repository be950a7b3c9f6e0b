using System.Text.Json.Nodes;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>RFC 6901 on JsonNode, as far as the recording uses it.</summary>
internal static class JsonPointer
{
    /// <summary>The node at a pointer, null when there is none.</summary>
    public static JsonNode? Find(JsonNode? root, string pointer)
    {
        foreach (var segment in Segments(pointer))
        {
            root = root switch
            {
                JsonArray array when int.TryParse(segment, out var index) && index < array.Count => array[index],
                JsonObject members => members[segment],
                _ => null,
            };
        }

        return root;
    }

    /// <summary>Puts a value where a pointer points to, if that place exists.</summary>
    public static void Replace(JsonNode root, string pointer, JsonNode value)
    {
        var slash = pointer.LastIndexOf('/');
        switch (Find(root, pointer[..slash]))
        {
            case JsonArray array when int.TryParse(pointer[(slash + 1)..], out var index) && index < array.Count:
                array[index] = value;
                break;
            case JsonObject members when members.ContainsKey(pointer[(slash + 1)..]):
                members[pointer[(slash + 1)..]] = value;
                break;
        }
    }

    private static IEnumerable<string> Segments(string pointer) =>
        pointer.Length == 0 ? [] : pointer[1..].Split('/');
}
