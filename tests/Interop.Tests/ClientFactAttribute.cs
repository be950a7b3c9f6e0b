namespace Orleans.Kafka.Interop.Tests;

/// <summary>
/// A test that needs clients. It is skipped, with the reason, where one is missing; where
/// ORLEANS_KAFKA_REQUIRE_CLIENTS=1 is set it runs all the same and fails, so that a build cannot pass without them.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClientFactAttribute : FactAttribute
{
    public ClientFactAttribute(params Client[] clients) => Skip = MissingClients.Reason(clients);
}

/// <summary>As <see cref="ClientFactAttribute"/>, for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClientTheoryAttribute : TheoryAttribute
{
    public ClientTheoryAttribute(params Client[] clients) => Skip = MissingClients.Reason(clients);
}

internal static class MissingClients
{
    public static string? Reason(Client[] clients) =>
        Environment.GetEnvironmentVariable("ORLEANS_KAFKA_REQUIRE_CLIENTS") == "1"
            ? null
            : clients.Select(Clients.WhyMissing).FirstOrDefault(reason => reason is not null);
}
