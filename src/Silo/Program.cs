using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Kafka;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Silo;

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

BrokerSettings settings;
try
{
    settings = BrokerSettings.Parse(
        builder.Configuration.GetSection("Kafka").GetChildren().Select(each => KeyValuePair.Create(each.Key, each.Value)));
}
catch (BrokerSettingsException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

try
{
    builder.AddSiloLogging();
    builder.AddSiloClustering();
    builder.AddKafkaBroker(settings);
    await builder.Build().RunAsync();
    return 0;
}
catch (BrokerStartException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
