using System.ComponentModel;
using Orleans.InProcess;

namespace Orleans.Runtime;

/// <summary>
/// A name to call a grain by. Generated classes add the methods. Two references to one grain are equal.
/// </summary>
public abstract class GrainReference : IAddressable, IEquatable<GrainReference>
{
    private readonly CallSource _source;
    private readonly GrainClass _class;
    private Activation? _activation;

    /// <summary>Called by generated code.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected GrainReference(GrainReferenceSeed seed)
    {
        _source = seed.Source;
        _class = seed.Class;
        Key = seed.Key;
    }

    /// <summary>Which grain.</summary>
    public GrainId GrainId => new(_class.GrainType, IdSpan.Create(Key));

    internal string Key { get; }

    internal CallSource Source => _source;

    internal GrainClass Class => _class;

    /// <inheritdoc/>
    public bool Equals(GrainReference? other) =>
        other is not null && ReferenceEquals(_class, other._class) && string.Equals(Key, other.Key, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GrainReference);

    /// <inheritdoc/>
    public override int GetHashCode() => GrainId.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => $"GrainReference:{GrainId}";

    /// <summary>Called by generated code: sends the call to the grain's activation, making one if there is none.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected void Send(GrainCall call)
    {
        var activation = _activation;
        if (activation is { IsClosed: false } && _source.IsRunning)
        {
            call.Prepare(_source, this);
            activation.Receive(call);
        }
        else
        {
            _activation = _source.Dispatch(call, this);
        }
    }
}
