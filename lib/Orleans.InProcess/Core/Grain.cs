using Orleans.InProcess;
using Orleans.Runtime;

namespace Orleans;

/// <summary>What a grain class has even if it does not derive from <see cref="Grain"/>.</summary>
public interface IGrainBase
{
    /// <summary>The activation this object serves.</summary>
    IGrainContext GrainContext { get; }

    /// <summary>Runs before the first call. If it fails, so do the calls that wait, with the same exception.</summary>
    Task OnActivateAsync(CancellationToken token) => Task.CompletedTask;

    /// <summary>Runs after the last call. Best effort: a silo that dies does not run it.</summary>
    Task OnDeactivateAsync(DeactivationReason reason, CancellationToken token) => Task.CompletedTask;
}

/// <summary>Base class of grains. One turn of one activation runs at a time.</summary>
public abstract class Grain : IGrainBase, IAddressable
{
    /// <summary>Takes the activation that is being constructed; there is none in a plain unit test.</summary>
    protected Grain()
        : this(RuntimeContext.Current!)
    {
    }

    /// <summary>Takes the given activation.</summary>
    protected Grain(IGrainContext grainContext) => GrainContext = grainContext;

    /// <inheritdoc/>
    public IGrainContext GrainContext { get; }

    /// <summary>A reference to this grain.</summary>
    public GrainReference GrainReference => GrainContext.GrainReference;

    /// <summary>The grain id as text.</summary>
    public string IdentityString => GrainContext.GrainId.ToString();

    /// <summary>Makes references to grains.</summary>
    protected IGrainFactory GrainFactory => Activation.Silo.GrainFactory;

    /// <summary>The services of this activation.</summary>
    protected internal IServiceProvider ServiceProvider => GrainContext.ActivationServices;

    private Activation Activation => GrainContext as Activation ?? throw new InvalidOperationException(
        "The grain was constructed outside of a silo, so there is no runtime behind it.");

    /// <summary>Runs before the first call. If it fails, so do the calls that wait, with the same exception.</summary>
    public virtual Task OnActivateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Runs after the last call. Best effort: a silo that dies does not run it.</summary>
    public virtual Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        Task.CompletedTask;

    /// <summary>Ends this activation once its running calls are done.</summary>
    protected void DeactivateOnIdle() => Activation.DeactivateOnIdle();
}
