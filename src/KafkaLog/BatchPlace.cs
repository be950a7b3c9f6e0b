using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.LogTool;

/// <summary>A batch, where it lies, and whether its checksum is right.</summary>
internal readonly record struct BatchPlace(int Position, RecordBatchInfo Batch, bool HasValidCrc);
