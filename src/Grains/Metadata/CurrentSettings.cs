using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Metadata;

/// <summary>This broker's settings as they are now: those it started with, and above them what was set at run time.</summary>
public sealed class CurrentSettings(BrokerSettings started, MetadataCache metadata)
{
    private volatile Layered? _layered;

    /// <summary>The broker's id.</summary>
    public int NodeId { get; } = started.NodeId;

    /// <summary>The settings. Made anew only when a dynamic setting changed.</summary>
    public BrokerSettings Value
    {
        get
        {
            MetadataImage image = metadata.Current;
            Layered? layered = _layered;
            if (layered is null || layered.ForAll != image.ClusterConfigs || layered.ForEach != image.BrokerConfigs)
            {
                bool isPlain = image.ClusterConfigs.Count == 0 && image.BrokerConfigs.Count == 0;
                _layered = layered = new Layered(image.ClusterConfigs, image.BrokerConfigs, isPlain
                    ? started
                    : started.WithDynamic(image.BrokerConfigs.GetValueOrDefault(NodeId), image.ClusterConfigs));
            }

            return layered.Settings;
        }
    }

    private sealed record Layered(
        IReadOnlyDictionary<string, string> ForAll,
        IReadOnlyDictionary<int, Dictionary<string, string>> ForEach,
        BrokerSettings Settings);
}
