namespace Orleans;

/// <summary>The type may travel between silos. Its members with an <see cref="IdAttribute"/> are what travels.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum)]
public sealed class GenerateSerializerAttribute : Attribute
{
    /// <summary>Whether the parameters of a primary constructor are members without being marked.</summary>
    public bool IncludePrimaryConstructorParameters { get; init; }
}

/// <summary>The number that stands for a member on the wire. It never changes and is never used again.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property | AttributeTargets.Parameter
    | AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Method)]
public sealed class IdAttribute : Attribute
{
    /// <summary>Gives the member its number.</summary>
    public IdAttribute(uint id) => Id = id;

    /// <summary>The number, unique within the type that declares the member.</summary>
    public uint Id { get; }
}

/// <summary>The name that stands for a type or method on the wire, so that it may be renamed in source.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Interface | AttributeTargets.Struct
    | AttributeTargets.Enum | AttributeTargets.Method, AllowMultiple = true)]
public sealed class AliasAttribute : Attribute
{
    /// <summary>Gives the name.</summary>
    public AliasAttribute(string alias) => Alias = alias;

    /// <summary>The name.</summary>
    public string Alias { get; }
}

/// <summary>Nobody changes the value once it is sent, so it may be shared instead of copied.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Field
    | AttributeTargets.Property | AttributeTargets.Parameter | AttributeTargets.ReturnValue, Inherited = false)]
public sealed class ImmutableAttribute : Attribute;

/// <summary>How long a caller waits for this method instead of the silo's response timeout.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ResponseTimeoutAttribute : Attribute
{
    /// <summary>Gives the time in the form of <see cref="TimeSpan.Parse(string)"/>.</summary>
    public ResponseTimeoutAttribute(string timeout) =>
        Timeout = TimeSpan.Parse(timeout, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The time; null means the silo's own.</summary>
    public TimeSpan? Timeout { get; init; }
}
