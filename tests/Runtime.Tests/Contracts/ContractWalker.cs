using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Runtime.Tests.Contracts;

/// <summary>
/// Follows every type that a grain interface names and collects what could not cross from one silo to another. The
/// in-process runtime passes references and would not notice.
/// </summary>
public sealed class ContractWalker
{
    private const BindingFlags Members =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly HashSet<Type> Plain =
    [
        typeof(bool), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long),
        typeof(ulong), typeof(float), typeof(double), typeof(decimal), typeof(char), typeof(string), typeof(Guid),
        typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan), typeof(GrainId), typeof(SiloAddress),
    ];

    private static readonly HashSet<Type> Containers =
    [
        typeof(List<>), typeof(Dictionary<,>), typeof(HashSet<>), typeof(Nullable<>), typeof(KeyValuePair<,>),
        typeof(ImmutableArray<>), typeof(ImmutableList<>), typeof(ImmutableDictionary<,>), typeof(ImmutableHashSet<>),
    ];

    private static readonly HashSet<Type> Buffers =
        [typeof(byte[]), typeof(Memory<byte>), typeof(ReadOnlyMemory<byte>), typeof(ArraySegment<byte>)];

    private readonly List<string> _problems = [];
    private readonly HashSet<Type> _visited = [];

    public IReadOnlyList<string> Problems => _problems;

    public IReadOnlyCollection<Type> Visited => _visited;

    public static IEnumerable<Type> GrainInterfacesOf(Assembly assembly) => assembly.GetTypes()
        .Where(type => type.IsInterface && typeof(IGrainWithStringKey).IsAssignableFrom(type));

    public void Walk(Type grainInterface)
    {
        foreach (var method in grainInterface.GetMethods())
        {
            var where = $"{grainInterface.Name}.{method.Name}";
            foreach (var parameter in method.GetParameters().Where(p => p.ParameterType != typeof(CancellationToken)))
            {
                Visit(parameter.ParameterType, $"{where}({parameter.Name})", IsImmutable(parameter));
            }

            if (method.ReturnType.IsGenericType)
            {
                Visit(method.ReturnType.GetGenericArguments()[0], where, IsImmutable(method.ReturnParameter));
            }
        }
    }

    private static bool IsImmutable(ICustomAttributeProvider symbol) =>
        symbol.IsDefined(typeof(ImmutableAttribute), inherit: false);

    private void Visit(Type type, string where, bool immutable)
    {
        if (Buffers.Contains(type))
        {
            Require(immutable, $"{where}: {type.Name} is copied on every call unless it is [Immutable]");
        }
        else if (type.IsArray)
        {
            Visit(type.GetElementType()!, where, immutable);
        }
        else if (Plain.Contains(type) || type.IsEnum || typeof(IGrain).IsAssignableFrom(type) || !_visited.Add(type))
        {
            return;
        }
        else if (type.IsGenericType
            && (Containers.Contains(type.GetGenericTypeDefinition()) || typeof(ITuple).IsAssignableFrom(type)))
        {
            _visited.Remove(type);
            Array.ForEach(type.GetGenericArguments(), argument => Visit(argument, where, immutable));
        }
        else if (type.IsInterface || type == typeof(object) || typeof(Delegate).IsAssignableFrom(type))
        {
            _problems.Add($"{where}: {type.Name} says nothing about what travels");
        }
        else
        {
            VisitOwn(type, where);
        }
    }

    private void VisitOwn(Type type, string where)
    {
        Require(
            type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false),
            $"{where}: {type.Name} has no [GenerateSerializer]");
        Require(
            type.IsDefined(typeof(AliasAttribute), inherit: false),
            $"{where}: {type.Name} has no [Alias], so renaming it would change the wire");

        if (type.BaseType is { } baseType && baseType != typeof(object) && baseType != typeof(ValueType))
        {
            Visit(baseType, where, immutable: false);
        }

        var immutable = IsImmutable(type);
        var numbers = new Dictionary<uint, string>();
        foreach (var field in type.GetFields(Members))
        {
            var (name, id) = Describe(type, field);
            if (id is null)
            {
                _problems.Add($"{where}: {type.Name}.{name} has no [Id] and would stay behind");
            }
            else if (!numbers.TryAdd(id.Id, name))
            {
                _problems.Add($"{where}: {type.Name}.{name} has the [Id] of {numbers[id.Id]}");
            }

            Visit(field.FieldType, $"{where} > {type.Name}.{name}", immutable || IsImmutable(field));
        }
    }

    private static (string Name, IdAttribute? Id) Describe(Type type, FieldInfo field)
    {
        if (field.IsDefined(typeof(CompilerGeneratedAttribute)) && field.Name.StartsWith('<'))
        {
            var name = field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)];
            var property = type.GetProperty(name, Members);
            return (name, property?.GetCustomAttribute<IdAttribute>() ?? field.GetCustomAttribute<IdAttribute>());
        }

        return (field.Name, field.GetCustomAttribute<IdAttribute>());
    }

    private void Require(bool condition, string problem)
    {
        if (!condition)
        {
            _problems.Add(problem);
        }
    }
}
