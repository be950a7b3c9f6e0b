using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>Where calls start: a silo, or a client outside of all silos.</summary>
internal abstract class CallSource(InProcessCluster cluster)
{
    public InProcessCluster Cluster { get; } = cluster;

    /// <summary>False once nothing may be called from here any more.</summary>
    public abstract bool IsRunning { get; }

    public abstract TimeSpan ResponseTimeout { get; }

    /// <summary>The silo that placement counts as the caller's; null for none.</summary>
    public abstract Silo? LocalSilo { get; }

    /// <summary>Sends the call to the grain's activation, making one if there is none; gives back that activation.</summary>
    public Activation? Dispatch(GrainCall call, GrainReference reference)
    {
        call.Prepare(this, reference);
        return Redispatch(call, reference);
    }

    /// <summary>Sends a call again that the activation it went to did not run.</summary>
    public Activation? Redispatch(GrainCall call, GrainReference reference)
    {
        if (!IsRunning)
        {
            call.Fail(new SiloUnavailableException("The local silo has not started or has stopped."));
            return null;
        }

        var activation = Cluster.GetOrStart(reference.Class, reference.Key, this);
        activation.Receive(call);
        return activation;
    }
}

/// <summary>Calls from outside of all silos.</summary>
internal sealed class ClientSource(InProcessCluster cluster, TimeSpan responseTimeout) : CallSource(cluster)
{
    private volatile bool _stopped;

    public override bool IsRunning => !_stopped;

    public override TimeSpan ResponseTimeout { get; } = responseTimeout;

    public override Silo? LocalSilo => null;

    public void Stop() => _stopped = true;
}
