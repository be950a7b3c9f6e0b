using Orleans.Kafka.LogTool;
using Orleans.Kafka.Storage;

return KafkaLogCommand.Run(
    args, new LogEnvironment(PhysicalFileSystem.Instance, TimeProvider.System, new Random(0)), Console.Out, Console.Error);
