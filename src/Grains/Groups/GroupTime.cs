namespace Orleans.Kafka.Grains.Groups;

/// <summary>Now, on two clocks.</summary>
/// <param name="ElapsedMs">A clock that only goes forward: time-outs run on it.</param>
/// <param name="UnixMs">The calendar's: what is written into records.</param>
internal readonly record struct GroupTime(long ElapsedMs, long UnixMs)
{
    /// <summary>Reads both clocks.</summary>
    public static GroupTime Of(TimeProvider clock) => new(
        (long)clock.GetElapsedTime(0).TotalMilliseconds, clock.GetUtcNow().ToUnixTimeMilliseconds());
}
