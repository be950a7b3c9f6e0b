using System.Diagnostics.CodeAnalysis;

namespace Orleans.Runtime;

/// <summary>A timer that calls back in the turns of its grain.</summary>
public interface IGrainTimer : IDisposable
{
    /// <summary>Sets when it calls back next, and how long after the end of each callback again.</summary>
    void Change(TimeSpan dueTime, TimeSpan period);
}

/// <summary>How a grain timer calls back.</summary>
public readonly struct GrainTimerCreationOptions()
{
    /// <summary>Gives the two times.</summary>
    [SetsRequiredMembers]
    public GrainTimerCreationOptions(TimeSpan dueTime, TimeSpan period)
        : this()
    {
        DueTime = dueTime;
        Period = period;
    }

    /// <summary>Time until the first callback; infinite for none.</summary>
    public required TimeSpan DueTime { get; init; }

    /// <summary>Time from the end of a callback to the next; infinite for only one.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>Whether callbacks interleave with calls and with other callbacks.</summary>
    public bool Interleave { get; init; }

    /// <summary>Whether callbacks keep the grain from being collected as idle.</summary>
    public bool KeepAlive { get; init; }
}
