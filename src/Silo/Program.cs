using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Kafka;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Silo;

try
{
    while (true)
    {
        using IHost host = Build(args);
        try
        {
            await host.RunAsync();
            return 0;
        }
        catch (Exception exception) when (SiloClustering.IsWorthAnotherStart(exception))
        {
            Console.Error.WriteLine($"{exception.Message} Starting again.");
        }
    }
}
catch (BrokerSettingsException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
catch (BrokerStartException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

static IHost Build(string[] args)
{
    HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings
    {
        ApplicationName = "orleans-kafka",
        ContentRootPath = AppContext.BaseDirectory,
        Args = args,
    });
    builder.Configuration
        .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true, reloadOnChange: false)
        .AddInMemoryCollection(SettingVariables.Read(Environment.GetEnvironmentVariables()))
        .AddCommandLine(args);
    BrokerSettings settings = BrokerSettings.Parse(
        builder.Configuration.GetSection("Kafka").GetChildren().Select(each => KeyValuePair.Create(each.Key, each.Value)));
    builder.AddSiloLogging();
    builder.AddSiloClustering(settings);
    builder.AddKafkaBroker(settings);
    return builder.Build();
}
