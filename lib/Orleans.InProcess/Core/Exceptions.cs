namespace Orleans.Runtime;

/// <summary>Something that the runtime itself reports to a caller.</summary>
public class OrleansException : Exception
{
    /// <summary>Without further words.</summary>
    public OrleansException()
        : base("Unexpected error.")
    {
    }

    /// <summary>With words.</summary>
    public OrleansException(string message)
        : base(message)
    {
    }

    /// <summary>With words and a cause.</summary>
    public OrleansException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>The call was not delivered.</summary>
public class OrleansMessageRejectionException : OrleansException
{
    internal OrleansMessageRejectionException(string message)
        : base(message)
    {
    }

    internal OrleansMessageRejectionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>The silo of the grain died or stopped before it answered. The call may or may not have run.</summary>
public sealed class SiloUnavailableException : OrleansMessageRejectionException
{
    /// <summary>Without further words.</summary>
    public SiloUnavailableException()
        : base("Silo unavailable")
    {
    }

    /// <summary>With words.</summary>
    public SiloUnavailableException(string msg)
        : base(msg)
    {
    }

    /// <summary>With words and a cause.</summary>
    public SiloUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A bound was reached, for example that of a grain's queue.</summary>
public sealed class LimitExceededException : OrleansException
{
    /// <summary>Without further words.</summary>
    public LimitExceededException()
        : base("Limit exceeded")
    {
    }

    /// <summary>With words.</summary>
    public LimitExceededException(string message)
        : base(message)
    {
    }

    /// <summary>With words and a cause.</summary>
    public LimitExceededException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
