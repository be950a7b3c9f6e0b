namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Message classes by name.</summary>
internal static class Schema
{
    public static IKafkaMessage Create(string name)
    {
        var type = typeof(IKafkaMessage).Assembly.GetType($"Orleans.Kafka.Protocol.Messages.{name}");
        return (IKafkaMessage)Activator.CreateInstance(type!)!;
    }

    /// <summary>Every generated class with its range of versions.</summary>
    public static IEnumerable<(string Name, short Min, short Max)> All() =>
        from type in typeof(IKafkaMessage).Assembly.GetTypes()
        where type.IsClass && typeof(IKafkaVersioned).IsAssignableFrom(type)
        orderby type.Name
        select (type.Name, Version(type, "MinVersion"), Version(type, "MaxVersion"));

    private static short Version(Type type, string name) => (short)type.GetProperty(name)!.GetValue(null)!;
}
