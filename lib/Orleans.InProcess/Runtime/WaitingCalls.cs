namespace Orleans.InProcess;

/// <summary>The calls of one activation that have not started, oldest first. Used only in its turns.</summary>
internal sealed class WaitingCalls
{
    private GrainCall? _last;
    private int _interleaving;

    public GrainCall? First { get; private set; }

    /// <summary>Whether one that runs beside anything is among them.</summary>
    public bool HasInterleaving => _interleaving > 0;

    public void Add(GrainCall call)
    {
        call.PreviousWaiting = _last;
        call.NextWaiting = null;
        if (_last is null)
        {
            First = call;
        }
        else
        {
            _last.NextWaiting = call;
        }

        _last = call;
        _interleaving += call.IsAlwaysInterleave ? 1 : 0;
    }

    public void Remove(GrainCall call)
    {
        if (call.PreviousWaiting is { } previous)
        {
            previous.NextWaiting = call.NextWaiting;
        }
        else
        {
            First = call.NextWaiting;
        }

        if (call.NextWaiting is { } next)
        {
            next.PreviousWaiting = call.PreviousWaiting;
        }
        else
        {
            _last = call.PreviousWaiting;
        }

        call.NextWaiting = null;
        call.PreviousWaiting = null;
        _interleaving -= call.IsAlwaysInterleave ? 1 : 0;
    }
}
