namespace Orleans.Kafka.Bench;

/// <summary>One run: the two servers, and how a row is taken from both of them.</summary>
internal sealed class Session(BenchOptions options, Driver floor, Driver? broker)
{
    public BenchOptions Options { get; } = options;

    public List<Row> Rows { get; } = [];

    /// <summary>
    /// Measures both sides in turns, so that a slow moment of the machine does not hit one alone, and adds a row for
    /// each of <paramref name="columns"/> from the medians.
    /// </summary>
    public void Measure(string group, int runs, Func<Driver, Figures> once, params Column[] columns)
    {
        List<Figures> floors = [], brokers = [];
        string? failure = null;
        for (var run = 0; run < runs; run++)
        {
            floors.Add(once(floor));
            if (broker is null || failure is not null)
            {
                continue;
            }

            try
            {
                brokers.Add(once(broker));
            }
            catch (BenchException exception)
            {
                failure = exception.Message;
            }
        }

        var floorFigures = Figures.Median(floors);
        var brokerFigures = failure is null && brokers.Count > 0 ? Figures.Median(brokers) : null;
        foreach (var column in columns)
        {
            Add(new Row(group, column.Name, column.Unit, brokerFigures?[column.Figure] ?? double.NaN,
                floorFigures[column.Figure])
            {
                Goal = column.Goal,
                Kafka = column.Kafka,
                Failure = failure,
            });
        }
    }

    public void Add(Row row)
    {
        Rows.Add(row);
        Console.Error.WriteLine(Report.Line(row));
    }
}

/// <summary>How a figure of the driver becomes a row.</summary>
internal sealed record Column(string Name, string Unit, string Figure, Goal? Goal = null, string Kafka = "");
