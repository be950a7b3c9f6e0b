namespace Orleans.Kafka.Runtime.Tests.Contracts;

// What the walker must find. They are no grain interfaces, because real Orleans refuses to start with such ones, and what it
// refuses to compile is not marked.
[GenerateSerializer, Alias("test.WithInterface")]
public sealed class WithInterface
{
    [Id(0)]
    public IEnumerable<int> Values { get; init; } = [];
}

public sealed class WithForgotten
{
    [Id(0)]
    public int Kept { get; init; }

    public int Forgotten { get; init; }
}

public sealed class WithSameId
{
    [Id(0)]
    public int First { get; init; }

    [Id(0)]
    public int Second { get; init; }
}

public sealed class WithoutSerializer
{
    public int Value { get; init; }
}

public interface IInterfaceMemberGrain
{
    Task Send(WithInterface value);
}

public interface IForgottenMemberGrain
{
    Task<WithForgotten> Get();
}

public interface IBufferGrain
{
    Task Send(byte[] bytes);
}

public interface ISameIdGrain
{
    Task Send(WithSameId value);
}

public interface INoSerializerGrain
{
    Task Send(WithoutSerializer value);
}
