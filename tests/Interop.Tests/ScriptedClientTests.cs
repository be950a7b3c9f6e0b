namespace Orleans.Kafka.Interop.Tests;

/// <summary>confluent-kafka for Python: librdkafka, as in most languages. Produces idempotently.</summary>
public sealed class ConfluentPythonTests(BrokerFixture fixture) : ClientTests(fixture, Client.ConfluentPython)
{
    [ClientTheory(Client.ConfluentPython)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Text_ProducedAndConsumed_ComesBackIdentical(string codec) => AssertTextComesBackAsync(codec);

    [ClientFact(Client.ConfluentPython)]
    public Task Topics_Administered_BehaveAsInKafka() => AssertTopicsAreAdministeredAsync();

    [ClientFact(Client.ConfluentPython)]
    public Task Settings_DescribedAndAltered_BehaveAsInKafka() => AssertSettingsAreAlteredAsync();

    [ClientFact(Client.ConfluentPython)]
    public Task Record_OverTheLimit_IsRefusedAlone() => AssertLimitsHoldAsync();

    [ClientTheory(Client.ConfluentPython)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Offsets_LookedUpByTime_AreThoseOfTheRecords(string codec) => AssertOffsetsAreFoundByTimeAsync(codec);
}

/// <summary>kafka-python: old versions of the requests. Knows neither idempotent producing nor DeleteRecords.</summary>
public sealed class KafkaPythonTests(BrokerFixture fixture) : ClientTests(fixture, Client.KafkaPython)
{
    [ClientTheory(Client.KafkaPython)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Text_ProducedAndConsumed_ComesBackIdentical(string codec) => AssertTextComesBackAsync(codec);

    [ClientFact(Client.KafkaPython)]
    public Task Topics_Administered_BehaveAsInKafka() => AssertTopicsAreAdministeredAsync();

    [ClientFact(Client.KafkaPython)]
    public Task Settings_DescribedAndAltered_BehaveAsInKafka() => AssertSettingsAreAlteredAsync();

    [ClientTheory(Client.KafkaPython)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Offsets_LookedUpByTime_AreThoseOfTheRecords(string codec) => AssertOffsetsAreFoundByTimeAsync(codec);
}

/// <summary>
/// KafkaJS. Produces idempotently. Its consumer knows groups only, so that it reads here through its lower layers.
/// </summary>
public sealed class KafkaJsTests(BrokerFixture fixture) : ClientTests(fixture, Client.KafkaJs)
{
    [ClientTheory(Client.KafkaJs)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Text_ProducedAndConsumed_ComesBackIdentical(string codec) => AssertTextComesBackAsync(codec);

    [ClientFact(Client.KafkaJs)]
    public Task Topics_Administered_BehaveAsInKafka() => AssertTopicsAreAdministeredAsync();

    [ClientFact(Client.KafkaJs)]
    public Task Settings_DescribedAndAltered_BehaveAsInKafka() => AssertSettingsAreAlteredAsync();

    [ClientTheory(Client.KafkaJs)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Offsets_LookedUpByTime_AreThoseOfTheRecords(string codec) => AssertOffsetsAreFoundByTimeAsync(codec);

    [ClientFact(Client.KafkaJs)]
    public Task Records_Deleted_AreGone() => AssertRecordsAreDeletedAsync();
}

/// <summary>@platformatic/kafka: the newest versions of the requests. Produces idempotently.</summary>
public sealed class PlatformaticTests(BrokerFixture fixture) : ClientTests(fixture, Client.Platformatic)
{
    [ClientTheory(Client.Platformatic)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Text_ProducedAndConsumed_ComesBackIdentical(string codec) => AssertTextComesBackAsync(codec);

    [ClientFact(Client.Platformatic)]
    public Task Topics_Administered_BehaveAsInKafka() => AssertTopicsAreAdministeredAsync();

    [ClientFact(Client.Platformatic)]
    public Task Settings_DescribedAndAltered_BehaveAsInKafka() => AssertSettingsAreAlteredAsync();

    [ClientTheory(Client.Platformatic)]
    [MemberData(nameof(Codecs.All), MemberType = typeof(Codecs))]
    public Task Offsets_LookedUpByTime_AreThoseOfTheRecords(string codec) => AssertOffsetsAreFoundByTimeAsync(codec);

    [ClientFact(Client.Platformatic)]
    public Task Records_Deleted_AreGone() => AssertRecordsAreDeletedAsync();
}
