namespace Orleans.Runtime;

/// <summary>One activation of a grain, as the runtime sees it.</summary>
public interface IGrainContext : IEquatable<IGrainContext>
{
    /// <summary>Which grain.</summary>
    GrainId GrainId { get; }

    /// <summary>The grain object; null until it is constructed.</summary>
    object? GrainInstance { get; }

    /// <summary>A reference to the grain.</summary>
    GrainReference GrainReference { get; }

    /// <summary>The services of this activation; scoped services live as long as it does.</summary>
    IServiceProvider ActivationServices { get; }

    /// <summary>Complete when the activation has ended.</summary>
    Task Deactivated { get; }

    /// <summary>
    /// Ends the activation once its running calls are done. Calls that have not started go to the next activation.
    /// </summary>
    void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);
}
