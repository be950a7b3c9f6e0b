using System.Reflection;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Golden;

/// <summary>The schemas of all messages and the classes made from them, by class name.</summary>
internal static class Schemas
{
    private static readonly Lazy<Dictionary<string, MessageSchema>> All = new(Load);

    public static IEnumerable<MessageSchema> Messages => All.Value.Values;

    public static MessageSchema Of(string name) => All.Value.TryGetValue(name, out var schema)
        ? schema
        : throw new ArgumentException($"No schema declares {name}.", nameof(name));

    public static IKafkaMessage Create(string name) => (IKafkaMessage)Activator.CreateInstance(ClassOf(name))!;

    private static Type ClassOf(string name) =>
        typeof(IKafkaMessage).Assembly.GetType($"Orleans.Kafka.Protocol.Messages.{name}", throwOnError: true)!;

    private static Dictionary<string, MessageSchema> Load()
    {
        var all = new Dictionary<string, MessageSchema>(StringComparer.Ordinal);
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".kafka")))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            foreach (var message in SchemaParser.Parse(reader.ReadToEnd()).Messages)
            {
                all.Add(message.Name, message);
            }
        }

        return all;
    }
}
