namespace Orleans.Kafka.Storage;

/// <content>What survives a crash.</content>
public sealed partial class SimulatedFileSystem
{
    /// <summary>
    /// The process dies: all that was written stays, open files and locks are gone. As after <c>kill -9</c>.
    /// </summary>
    public void Kill()
    {
        lock (_gate)
        {
            _locks.Clear();
            Process++;
        }
    }

    /// <summary>
    /// The machine loses power: contents go back to what was flushed, with a random selection of later pages;
    /// names go back to the last directory flush, each later change kept or lost at random.
    /// </summary>
    public void Crash()
    {
        lock (_gate)
        {
            _locks.Clear();
            Process++;
            var files = new Dictionary<string, SimulatedContent>();
            foreach (var (path, content) in Mixture(_durableFiles, _files))
            {
                files[path] = content.AfterPowerLoss(_random);
            }

            _directories = [.. _durableDirectories, .. _directories.Where(d => files.Keys.Any(f => IsUnder(f, d)))];
            _files = files.Where(f => _directories.Contains(Parent(f.Key))).ToDictionary();
            _durableFiles = new Dictionary<string, SimulatedContent>(_files);
            _durableDirectories = [.. _directories];
        }
    }

    /// <summary>Flips one bit of a file, on disk and for every reader.</summary>
    public void FlipBit(string path, long position, int bit)
    {
        lock (_gate)
        {
            _files[Normal(path)].FlipBit(position, bit);
        }
    }

    private Dictionary<string, SimulatedContent> Mixture(
        Dictionary<string, SimulatedContent> durable, Dictionary<string, SimulatedContent> live)
    {
        var result = new Dictionary<string, SimulatedContent>(durable);
        var isRenamed = durable.Values.Where(live.ContainsValue).ToHashSet();
        foreach (var (path, content) in live.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            if (durable.TryGetValue(path, out var old) && ReferenceEquals(old, content))
            {
                continue;
            }

            // A rename is one step: old name or new name, never both and never none.
            if (_random.Next(2) == 0)
            {
                foreach (var name in result.Where(f => ReferenceEquals(f.Value, content)).Select(f => f.Key).ToList())
                {
                    result.Remove(name);
                }

                result[path] = content;
            }
        }

        foreach (var (path, content) in durable.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            if (!live.ContainsKey(path) && !isRenamed.Contains(content) && _random.Next(2) == 0)
            {
                result.Remove(path);
            }
        }

        return result;
    }

    private void MakeNamesDurable(string directory)
    {
        foreach (var path in _durableFiles.Keys.Where(f => Parent(f) == directory && !_files.ContainsKey(f)).ToList())
        {
            _durableFiles.Remove(path);
        }

        foreach (var (path, content) in _files.Where(f => Parent(f.Key) == directory))
        {
            foreach (var old in _durableFiles.Where(f => ReferenceEquals(f.Value, content)).Select(f => f.Key).ToList())
            {
                _durableFiles.Remove(old);
            }

            _durableFiles[path] = content;
        }

        foreach (var gone in _durableDirectories
            .Where(d => d != "/" && Parent(d) == directory && !_directories.Contains(d)).ToList())
        {
            Remove(_durableFiles, gone);
            _durableDirectories.RemoveWhere(d => d == gone || IsUnder(d, gone));
        }

        _durableDirectories.Add(directory);
        foreach (var child in _directories.Where(d => d != "/" && Parent(d) == directory))
        {
            _durableDirectories.Add(child);
        }
    }
}
