using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>
/// One row of the catalog; compared by value, so that an edit inside a message does not rebuild the catalog.
/// </summary>
internal sealed class ApiEntry : IEquatable<ApiEntry>
{
    private readonly string _signature;

    public ApiEntry(ApiSchema api, string path)
    {
        Name = api.Name;
        Key = api.Key;
        Versions = api.Versions;
        Stable = api.Stable;
        Flexible = api.Flexible;
        AdvertisedMin = api.AdvertisedMin;
        OnBroker = api.OnBroker;
        OnController = api.OnController;
        Path = path;
        Line = api.Line;
        _signature = $"{Name} {Key} {Versions} {Stable} {Flexible} {AdvertisedMin} {OnBroker} {OnController}"
            + $" {Path} {Line}";
    }

    public string Name { get; }

    public int Key { get; }

    public VersionRange Versions { get; }

    public VersionRange Stable { get; }

    public VersionRange Flexible { get; }

    public int AdvertisedMin { get; }

    public bool OnBroker { get; }

    public bool OnController { get; }

    public string Path { get; }

    public int Line { get; }

    public bool Equals(ApiEntry? other) => other is not null && _signature == other._signature;

    public override bool Equals(object? obj) => Equals(obj as ApiEntry);

    public override int GetHashCode() => _signature.GetHashCode();
}
