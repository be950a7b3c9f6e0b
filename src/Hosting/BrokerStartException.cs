namespace Orleans.Kafka;

/// <summary>The broker cannot start as it is asked to: a port or the log directory is in use, for example.</summary>
public sealed class BrokerStartException : Exception
{
    /// <summary>Says what is in the way.</summary>
    public BrokerStartException(string message, Exception? innerException = null) : base(message, innerException)
    {
    }
}
