using System.ComponentModel;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.InProcess;

/// <summary>How a call behaves towards other calls of its grain.</summary>
[Flags]
[EditorBrowsable(EditorBrowsableState.Never)]
public enum GrainCallOptions
{
    /// <summary>It runs alone.</summary>
    None = 0,

    /// <summary>It runs beside other read-only calls.</summary>
    ReadOnly = 1,

    /// <summary>It runs beside any call.</summary>
    AlwaysInterleave = 2,

    /// <summary>Nobody waits for it.</summary>
    OneWay = 4,
}

/// <summary>One call of a grain method with its arguments. Generated code derives a class per method.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class GrainCall
{
    private CancellationTokenRegistration _cancellation;

    /// <summary>The token among the arguments; the caller's wait ends when it is cancelled.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>How the call behaves towards others.</summary>
    public virtual GrainCallOptions Options => GrainCallOptions.None;

    /// <summary>How long the caller waits; null for the silo's setting.</summary>
    public virtual TimeSpan? ResponseTimeout => null;

    /// <summary>Interface and method, for error texts.</summary>
    public abstract string Method { get; }

    internal bool IsOneWay => (Options & GrainCallOptions.OneWay) != 0;

    internal bool IsReadOnly => (Options & GrainCallOptions.ReadOnly) != 0;

    internal bool IsAlwaysInterleave => (Options & GrainCallOptions.AlwaysInterleave) != 0;

    internal Activation? Target { get; set; }

    internal GrainReference? Reference { get; private set; }

    // Timestamp of the cluster's clock.
    internal long Deadline { get; private set; }

    internal int Forwards { get; set; }

    // Links in the list of the target's unanswered calls, and in the list of those that have not started.
    internal GrainCall? NextUnanswered { get; set; }

    internal GrainCall? PreviousUnanswered { get; set; }

    internal bool IsUnanswered { get; set; }

    internal GrainCall? NextWaiting { get; set; }

    internal GrainCall? PreviousWaiting { get; set; }

    internal abstract bool IsDone { get; }

    internal void Prepare(CallSource source, GrainReference reference)
    {
        Reference = reference;
        Deadline = source.Cluster.DeadlineAfter(ResponseTimeout ?? source.ResponseTimeout);
        if (Cancellation.CanBeCanceled && !IsOneWay)
        {
            _cancellation = Cancellation.UnsafeRegister(static (call, token) => ((GrainCall)call!).Cancel(token), this);
        }
    }

    /// <summary>Runs the method. Called in a turn of the target; ends in <see cref="End"/>, now or in a later turn.</summary>
    internal abstract void Begin(object grain);

    /// <summary>Gives the caller an exception unless it already has an answer.</summary>
    internal abstract void Fail(Exception exception);

    internal abstract void Cancel(CancellationToken token);

    internal void TimeOut(TimeSpan timeout) => Fail(new TimeoutException(
        $"Response did not arrive on time in {timeout} for {Method} of {Reference?.GrainId}."));

    private protected void End()
    {
        _cancellation.Dispose();
        Target!.Ended(this);
    }

    // An exception that says "the stored state is not the one I had" makes the activation that met it useless.
    private protected void FailFrom(Exception exception)
    {
        if (exception is InconsistentStateException { IsSourceActivation: true } inconsistent)
        {
            inconsistent.IsSourceActivation = false;
            Target!.Deactivate(new DeactivationReason(
                DeactivationReasonCode.ApplicationError, exception, "The stored state was changed by somebody else."));
        }

        if (exception is OperationCanceledException cancelled)
        {
            Cancel(cancelled.CancellationToken);
        }
        else
        {
            Fail(exception);
        }
    }
}

/// <summary>A call that answers with a value.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class GrainCall<TResult> : GrainCall
{
    // A continuation must never run on the answering grain's turn, hence the flag.
    private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<TResult>? _running;

    /// <summary>What the caller waits for.</summary>
    public Task<TResult> Answer => _completion.Task;

    internal override bool IsDone => _completion.Task.IsCompleted;

    /// <summary>Calls the method.</summary>
    protected abstract ValueTask<TResult> Invoke(object grain);

    internal override void Begin(object grain)
    {
        ValueTask<TResult> running;
        try
        {
            running = Invoke(grain);
        }
        catch (Exception exception)
        {
            FailFrom(exception);
            End();
            return;
        }

        if (running.IsCompletedSuccessfully)
        {
            _completion.TrySetResult(running.Result);
            End();
            return;
        }

        _running = running.AsTask();
        if (_running.IsCompleted)
        {
            EndRunning();
        }
        else
        {
            _running.GetAwaiter().UnsafeOnCompleted(EndRunning);
        }
    }

    internal override void Fail(Exception exception) => _completion.TrySetException(exception);

    internal override void Cancel(CancellationToken token) => _completion.TrySetCanceled(token);

    private void EndRunning()
    {
        var running = _running!;
        if (running.IsCompletedSuccessfully)
        {
            _completion.TrySetResult(running.Result);
        }
        else
        {
            FailFrom(TaskOutcome.ExceptionOf(running));
        }

        End();
    }
}

/// <summary>A call that answers without a value.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class VoidGrainCall : GrainCall
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _running;

    /// <summary>What the caller waits for.</summary>
    public Task Answer => _completion.Task;

    internal override bool IsDone => _completion.Task.IsCompleted;

    /// <summary>Calls the method.</summary>
    protected abstract ValueTask Invoke(object grain);

    internal override void Begin(object grain)
    {
        ValueTask running;
        try
        {
            running = Invoke(grain);
        }
        catch (Exception exception)
        {
            FailFrom(exception);
            End();
            return;
        }

        if (running.IsCompletedSuccessfully)
        {
            running.GetAwaiter().GetResult();
            _completion.TrySetResult();
            End();
            return;
        }

        _running = running.AsTask();
        if (_running.IsCompleted)
        {
            EndRunning();
        }
        else
        {
            _running.GetAwaiter().UnsafeOnCompleted(EndRunning);
        }
    }

    internal override void Fail(Exception exception)
    {
        // Nobody observes the task of a one-way call.
        if (!IsOneWay)
        {
            _completion.TrySetException(exception);
        }
    }

    internal override void Cancel(CancellationToken token) => _completion.TrySetCanceled(token);

    private void EndRunning()
    {
        var running = _running!;
        if (running.IsCompletedSuccessfully)
        {
            _completion.TrySetResult();
        }
        else
        {
            FailFrom(TaskOutcome.ExceptionOf(running));
        }

        End();
    }
}
