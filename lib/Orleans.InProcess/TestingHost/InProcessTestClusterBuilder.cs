using Microsoft.Extensions.Hosting;
using Orleans.Hosting;

namespace Orleans.TestingHost;

/// <summary>What a test cluster is made from.</summary>
public sealed class InProcessTestClusterOptions
{
    /// <summary>The cluster's id.</summary>
    public string ClusterId { get; set; } = InProcessTestClusterBuilder.CreateClusterId();

    /// <summary>The service's id.</summary>
    public string ServiceId { get; set; } = "test";

    /// <summary>How many silos the cluster starts with.</summary>
    public short InitialSilosCount { get; set; }

    /// <summary>Applied to the host of each silo.</summary>
    public List<Action<InProcessTestSiloSpecificOptions, IHostApplicationBuilder>> SiloHostConfigurationDelegates { get; } =
        [];
}

/// <summary>What distinguishes one silo of a test cluster.</summary>
public sealed class InProcessTestSiloSpecificOptions
{
    /// <summary>Its name.</summary>
    public string SiloName { get; set; } = "";

    /// <summary>Its port between silos.</summary>
    public int SiloPort { get; set; }

    /// <summary>Its port for clients.</summary>
    public int GatewayPort { get; set; }
}

/// <summary>Describes a test cluster.</summary>
public sealed class InProcessTestClusterBuilder
{
    private static int _lastId;

    /// <summary>A cluster of two silos.</summary>
    public InProcessTestClusterBuilder()
        : this(2)
    {
    }

    /// <summary>A cluster of this many silos.</summary>
    public InProcessTestClusterBuilder(short initialSilosCount) =>
        Options = new InProcessTestClusterOptions { InitialSilosCount = initialSilosCount };

    /// <summary>What is set so far.</summary>
    public InProcessTestClusterOptions Options { get; }

    /// <summary>A cluster id that no other cluster of this process has.</summary>
    public static string CreateClusterId() => $"testcluster-{Interlocked.Increment(ref _lastId)}";

    /// <summary>Configures each silo.</summary>
    public InProcessTestClusterBuilder ConfigureSilo(
        Action<InProcessTestSiloSpecificOptions, ISiloBuilder> configureSiloDelegate)
    {
        ArgumentNullException.ThrowIfNull(configureSiloDelegate);
        Options.SiloHostConfigurationDelegates.Add(
            (options, host) => host.UseOrleans(silo => configureSiloDelegate(options, silo)));
        return this;
    }

    /// <summary>Configures the host of each silo.</summary>
    public InProcessTestClusterBuilder ConfigureSiloHost(
        Action<InProcessTestSiloSpecificOptions, IHostApplicationBuilder> configureSiloHostDelegate)
    {
        Options.SiloHostConfigurationDelegates.Add(configureSiloHostDelegate);
        return this;
    }

    /// <summary>Makes the cluster; <see cref="InProcessTestCluster.DeployAsync"/> starts it.</summary>
    public InProcessTestCluster Build() => new(Options);
}
