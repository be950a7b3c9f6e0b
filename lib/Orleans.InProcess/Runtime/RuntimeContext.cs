namespace Orleans.InProcess;

/// <summary>Which activation the current thread runs a turn of.</summary>
internal static class RuntimeContext
{
    [ThreadStatic]
    private static Activation? _current;

    public static Activation? Current
    {
        get => _current;
        set => _current = value;
    }
}
