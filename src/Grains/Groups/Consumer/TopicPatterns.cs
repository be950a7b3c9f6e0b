using System.Collections.Immutable;
using Orleans.Kafka.Grains.Cluster;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>
/// The patterns that a group's members subscribe to, and the topics that they match. Internal topics are left out, as
/// clients of the classic protocol do: who reads <c>.*</c> would read his own commits, and commit that. They can be had
/// by name.
/// </summary>
internal sealed class TopicPatterns
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The patterns, each with the topics that it matches.</summary>
    public IEnumerable<KeyValuePair<string, string[]>> All =>
        _entries.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Topics));

    /// <summary>The topics that a pattern matches, by name; none for null.</summary>
    public string[] TopicsOf(string? pattern) =>
        pattern is not null && _entries.TryGetValue(pattern, out Entry? entry) ? entry.Topics : [];

    /// <summary>Takes over what the log says, until it is looked up anew.</summary>
    public void Load(string pattern, string[] topics)
    {
        if (TopicPattern.TryParse(pattern, out TopicPattern? parsed, out _))
        {
            _entries[pattern] = new Entry(parsed) { Topics = topics };
        }
    }

    /// <summary>
    /// Follows what is subscribed to: what nobody uses any more is gone, the rest is compared with the topics there are
    /// now. Gives what changed: the patterns whose topics are others, and those that are gone.
    /// </summary>
    public (List<string> Changed, List<string> Gone) Refresh(
        IReadOnlyCollection<string> used, ImmutableDictionary<string, TopicImage> topics)
    {
        List<string> gone = [.. _entries.Keys.Where(pattern => !used.Contains(pattern))];
        gone.ForEach(pattern => _entries.Remove(pattern));
        var changed = new List<string>();
        foreach (string pattern in used)
        {
            if (!_entries.TryGetValue(pattern, out Entry? entry))
            {
                if (!TopicPattern.TryParse(pattern, out TopicPattern? parsed, out _))
                {
                    continue;
                }

                _entries[pattern] = entry = new Entry(parsed);
                changed.Add(pattern);
            }

            if (entry.Refresh(topics) && !changed.Contains(pattern))
            {
                changed.Add(pattern);
            }
        }

        return (changed, gone);
    }

    private sealed class Entry(TopicPattern pattern)
    {
        private ImmutableDictionary<string, TopicImage>? _seen;

        public string[] Topics { get; set; } = [];

        public bool Refresh(ImmutableDictionary<string, TopicImage> topics)
        {
            if (ReferenceEquals(_seen, topics))
            {
                return false;
            }

            _seen = topics;
            string[] matching =
            [
                .. topics.Keys.Where(name => !TopicName.IsInternal(name) && pattern.Matches(name))
                    .Order(StringComparer.Ordinal),
            ];
            if (matching.AsSpan().SequenceEqual(Topics))
            {
                return false;
            }

            Topics = matching;
            return true;
        }
    }
}
