using System.Net;

namespace Orleans.Configuration;

/// <summary>Which cluster a silo belongs to.</summary>
public class ClusterOptions
{
    /// <summary>The cluster id of a developer's machine.</summary>
    public const string DevelopmentClusterId = "dev";

    /// <summary>The service id of a developer's machine.</summary>
    public const string DevelopmentServiceId = "dev";

    /// <summary>The cluster.</summary>
    public string ClusterId { get; set; } = "default";

    /// <summary>The service, which outlives clusters.</summary>
    public string ServiceId { get; set; } = "default";
}

/// <summary>Who a silo is.</summary>
public class SiloOptions
{
    /// <summary>Its name; null for a made-up one.</summary>
    public string? SiloName { get; set; }
}

/// <summary>Where a silo is reached. In one process the endpoints only name it: nothing listens there.</summary>
public class EndpointOptions
{
    /// <summary>The usual port between silos.</summary>
    public const int DEFAULT_SILO_PORT = 11111;

    /// <summary>The usual port for clients.</summary>
    public const int DEFAULT_GATEWAY_PORT = 30000;

    /// <summary>The address that other silos use.</summary>
    public IPAddress? AdvertisedIPAddress { get; set; }

    /// <summary>The port that other silos use.</summary>
    public int SiloPort { get; set; } = DEFAULT_SILO_PORT;

    /// <summary>The port that clients use.</summary>
    public int GatewayPort { get; set; } = DEFAULT_GATEWAY_PORT;
}

/// <summary>How calls travel.</summary>
public class SiloMessagingOptions
{
    /// <summary>How long a caller waits for an answer before it gets a <see cref="TimeoutException"/>.</summary>
    public TimeSpan ResponseTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How many calls may wait for one activation; further ones fail with
    /// <see cref="Runtime.LimitExceededException"/>. 0 means no bound.
    /// </summary>
    public int MaxEnqueuedRequestsHardLimit { get; set; }
}

/// <summary>How long an activation may take to begin and to end.</summary>
public class GrainCollectionOptions
{
    /// <summary>Time for constructing, reading state and OnActivateAsync.</summary>
    public TimeSpan ActivationTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for OnDeactivateAsync.</summary>
    public TimeSpan DeactivationTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
