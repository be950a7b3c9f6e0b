namespace Orleans.Kafka.Grains.Configs;

/// <summary>The type of a setting, numbered as DescribeConfigs v3 answers it (KIP-569).</summary>
public enum SettingType : sbyte
{
    /// <summary>true or false</summary>
    Boolean = 1,

    /// <summary>Any text.</summary>
    String = 2,

    /// <summary>32 bits, signed.</summary>
    Int = 3,

    /// <summary>16 bits, signed.</summary>
    Short = 4,

    /// <summary>64 bits, signed.</summary>
    Long = 5,

    /// <summary>A floating-point number of 64 bits.</summary>
    Double = 6,

    /// <summary>Texts with commas between them.</summary>
    List = 7,

    /// <summary>The name of a Java class: shown, and without effect here.</summary>
    Class = 8,

    /// <summary>A text that no answer and no message shows.</summary>
    Password = 9,
}

/// <summary>Where the value of a setting comes from, numbered as DescribeConfigs v1 answers it (KIP-226).</summary>
public enum SettingSource : sbyte
{
    /// <summary>The topic's own setting.</summary>
    TopicOverride = 1,

    /// <summary>Set at run time for one broker.</summary>
    DynamicBroker = 2,

    /// <summary>Set at run time for all brokers.</summary>
    DynamicDefaultBroker = 3,

    /// <summary>Given to the broker at its start.</summary>
    StaticBroker = 4,

    /// <summary>Kafka's default.</summary>
    Default = 5,

    /// <summary>The level of a logger, set at run time.</summary>
    BrokerLogger = 6,

    /// <summary>A client metrics subscription (KIP-714).</summary>
    ClientMetrics = 7,

    /// <summary>The group's own setting.</summary>
    Group = 8,
}

/// <summary>When a broker setting may change (KIP-226).</summary>
public enum SettingUpdate
{
    /// <summary>Only with a restart.</summary>
    ReadOnly,

    /// <summary>At run time, for one broker at a time.</summary>
    PerBroker,

    /// <summary>At run time, for one broker or for all of them.</summary>
    ClusterWide,
}
