using System.Reflection;
using Orleans.GrainDirectory;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Runtime.Tests.Contracts;

public sealed class ContractTests
{
    private static readonly Assembly Grains = typeof(IClusterGrain).Assembly;

    [Fact]
    public void GrainInterfaces_AllTheyName_CanCrossSilos()
    {
        var walker = new ContractWalker();
        foreach (var grainInterface in ContractWalker.GrainInterfacesOf(Grains))
        {
            walker.Walk(grainInterface);
        }

        Assert.NotEmpty(walker.Visited);
        Assert.Empty(walker.Problems);
    }

    [Fact]
    public void GrainInterfaces_AndTheirMethods_HaveAliases()
    {
        var unnamed = ContractWalker.GrainInterfacesOf(Grains)
            .SelectMany(type => type.GetMethods().Cast<MemberInfo>().Append(type))
            .Where(member => !member.IsDefined(typeof(AliasAttribute), inherit: false))
            .Select(member => $"{member.DeclaringType?.Name}.{member.Name}");

        Assert.Empty(unnamed);
    }

    [Fact]
    public void Aliases_OfTypes_AreUnique()
    {
        // Orleans' generated types share an alias of their own; they live in another namespace.
        var twice = Grains.GetTypes()
            .Where(type => type.Namespace?.StartsWith("Orleans.Kafka.", StringComparison.Ordinal) == true)
            .SelectMany(type => type.GetCustomAttributes<AliasAttribute>().Select(alias => (alias.Alias, type)))
            .GroupBy(pair => pair.Alias)
            .Where(group => group.Count() > 1)
            .Select(group => group.Key);

        Assert.Empty(twice);
    }

    // Else another silo may hold their directory entry, and they end when that silo goes.
    [Fact]
    public void GrainsOfABroker_AreInTheDirectoryOfTheirSilo()
    {
        var placed = Grains.GetTypes().Where(type => type.IsDefined(typeof(BrokerPlacementAttribute), inherit: false)).ToArray();

        Assert.NotEmpty(placed);
        Assert.All(placed, type => Assert.True(type.IsDefined(typeof(GrainDirectoryAttribute), inherit: false), type.Name));
    }

    // A recovery after a crash takes minutes where logs are large; a call without a word about it is given up after 30 seconds.
    [Theory]
    [InlineData(typeof(IBrokerGrain), nameof(IBrokerGrain.StartAsync))]
    [InlineData(typeof(IBrokerGrain), nameof(IBrokerGrain.StopAsync))]
    [InlineData(typeof(IReplicaGrain), nameof(IReplicaGrain.OpenAsync))]
    [InlineData(typeof(IReplicaGrain), nameof(IReplicaGrain.ReopenAsync))]
    [InlineData(typeof(IReplicaGrain), nameof(IReplicaGrain.CloseAsync))]
    [InlineData(typeof(IGroupGrain), nameof(IGroupGrain.JoinAsync))]
    [InlineData(typeof(IGroupGrain), nameof(IGroupGrain.SyncAsync))]
    public void Calls_ThatMayTakeLong_AreGivenTheTime(Type grainInterface, string method) => Assert.True(
        grainInterface.GetMethod(method)!.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout >= TimeSpan.FromHours(1));

    // Real Orleans serializes an exception even for a caller on the same silo, and replaces one it has no codec for.
    [Fact]
    public void Exceptions_ThatGrainsMayThrow_CanCrossSilos()
    {
        var stuck = Grains.GetTypes()
            .Where(type => typeof(Exception).IsAssignableFrom(type))
            .Where(type => !type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false))
            .Select(type => type.Name);

        Assert.Empty(stuck);
    }

    // The compiler looks into namespace Orleans before it looks at usings, so such a name would mean Orleans' type.
    [Fact]
    public void OurTypes_DoNotBearNamesOfNamespaceOrleans()
    {
        var taken = OrleansNames.InNamespaceOrleans.ToHashSet(StringComparer.Ordinal);
        var ours = new[] { Grains, typeof(Storage.PartitionLog).Assembly, typeof(Protocol.ApiKey).Assembly };

        var clashes = ours.SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => !type.IsNested && type.Namespace?.StartsWith("Orleans.Kafka.", StringComparison.Ordinal) == true)
            .Where(type => taken.Contains(type.Name))
            .Select(type => type.FullName);

        Assert.Empty(clashes);
    }

    [Fact]
    public void OrleansNames_Listed_CoverTheRuntimeInUse()
    {
        var listed = OrleansNames.InNamespaceOrleans.ToHashSet(StringComparer.Ordinal);
        var missing = new[] { typeof(Grain), typeof(IGrainFactory), typeof(GenerateSerializerAttribute) }
            .Select(type => type.Assembly)
            .Distinct()
            .SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => !type.IsNested && !type.IsGenericType && type.Namespace == "Orleans" && !listed.Contains(type.Name))
            .Select(type => type.Name);

        Assert.Empty(missing);
    }

    [Theory]
    [InlineData(typeof(IInterfaceMemberGrain), "says nothing about what travels")]
    [InlineData(typeof(IForgottenMemberGrain), "Forgotten has no [Id]")]
    [InlineData(typeof(ISameIdGrain), "has the [Id] of")]
    [InlineData(typeof(INoSerializerGrain), "has no [GenerateSerializer]")]
    [InlineData(typeof(IBufferGrain), "is copied on every call")]
    public void Walker_MeetsWhatCannotCross_SaysSo(Type grainInterface, string problem)
    {
        var walker = new ContractWalker();

        walker.Walk(grainInterface);

        Assert.Contains(walker.Problems, found => found.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void RuntimeExceptions_DeriveFromOneAnother()
    {
        Assert.Equal(typeof(OrleansMessageRejectionException), typeof(SiloUnavailableException).BaseType);
        Assert.Equal(typeof(OrleansException), typeof(OrleansMessageRejectionException).BaseType);
        Assert.Equal(typeof(OrleansException), typeof(Orleans.Storage.InconsistentStateException).BaseType);
    }
}
