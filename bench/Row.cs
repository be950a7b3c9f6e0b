namespace Orleans.Kafka.Bench;

/// <summary>What we want of a figure: a number, or a share of the floor measured in the same run.</summary>
internal sealed record Goal(double Value, bool AtLeast, bool OfFloor)
{
    public static Goal FloorShare(double value) => new(value, AtLeast: true, OfFloor: true);

    public static Goal FloorTimes(double value) => new(value, AtLeast: false, OfFloor: true);

    public static Goal NoLessThan(double value) => new(value, AtLeast: true, OfFloor: false);

    public static Goal NoMoreThan(double value) => new(value, AtLeast: false, OfFloor: false);

    /// <summary>Null when one of the figures is missing.</summary>
    public bool? Met(double broker, double floor)
    {
        var figure = OfFloor ? broker / floor : broker;
        return double.IsNaN(figure) || double.IsInfinity(figure)
            ? null
            : AtLeast ? figure >= Value : figure <= Value;
    }

    public override string ToString() =>
        $"{(AtLeast ? ">=" : "<=")} {Format.Number(Value)}{(OfFloor ? " x floor" : "")}";
}

/// <summary>
/// One line of the table. A missing figure is NaN; <see cref="Failure"/> says why the broker has none.
/// </summary>
internal sealed record Row(string Group, string Name, string Unit, double Broker, double Floor)
{
    public Goal? Goal { get; init; }

    /// <summary>
    /// The same row of Kafka 4.3.1, as a share of its floor or as a number of the reference machine.
    /// </summary>
    public string Kafka { get; init; } = "";

    public string? Failure { get; init; }
}

internal static class Format
{
    /// <summary>Three significant digits, without exponent.</summary>
    public static string Number(double value) => value switch
    {
        double.NaN => "-",
        >= 100 or <= -100 => value.ToString("#,0", System.Globalization.CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.#", System.Globalization.CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture),
    };
}
