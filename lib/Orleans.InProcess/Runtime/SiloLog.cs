using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>What a silo has to say.</summary>
internal sealed partial class SiloLog(ILogger logger)
{
    [LoggerMessage(1, LogLevel.Information, "Silo {Name} at {Address} is active in cluster {ClusterId}")]
    private static partial void LogActive(ILogger logger, string name, SiloAddress address, string clusterId);

    [LoggerMessage(2, LogLevel.Warning, "Activation of {GrainId} failed")]
    private static partial void LogActivationFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(3, LogLevel.Warning, "Deactivation of {GrainId} failed")]
    private static partial void LogDeactivationFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(4, LogLevel.Warning, "A timer callback of {GrainId} failed")]
    private static partial void LogTimerCallbackFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(5, LogLevel.Warning, "Silo {Name} stops with activations that did not end in time")]
    private static partial void LogStoppedLate(ILogger logger, string name);

    public void Active(string name, SiloAddress address, string clusterId) =>
        LogActive(logger, name, address, clusterId);

    public void ActivationFailed(Exception exception, GrainId grainId) =>
        LogActivationFailed(logger, exception, grainId);

    public void DeactivationFailed(Exception exception, GrainId grainId) =>
        LogDeactivationFailed(logger, exception, grainId);

    public void TimerCallbackFailed(Exception exception, GrainId grainId) =>
        LogTimerCallbackFailed(logger, exception, grainId);

    public void StoppedLate(string name) => LogStoppedLate(logger, name);
}
