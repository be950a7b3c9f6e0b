using System.Buffers;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// Writes what a file, or each file of a partition's directory or a log directory, holds: one JSON object a line. Keys
/// and values are in base64.
/// </summary>
internal sealed class PartitionDump(LogEnvironment environment, TextWriter output, bool withRecords)
{
    private const int RecordsLimit = 1 << 30;

    private readonly TextFileDump _texts = new(environment, output);

    /// <returns>The exit code: 0, or 2 if something cannot be read.</returns>
    public int Run(string path)
    {
        try
        {
            if (environment.Files.FileExists(path))
            {
                return Show(path) ? DirectoryVerifier.Clean : Refuse(path);
            }

            foreach (var entry in environment.Files.List(path).OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                if (!entry.IsDirectory)
                {
                    Show(Path.Join(path, entry.Name));
                }
            }

            return DirectoryVerifier.Clean;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"cannot read: {e.Message}");
            return DirectoryVerifier.Unreadable;
        }
    }

    private static int Refuse(string path)
    {
        Console.Error.WriteLine($"{path}: not a file of a log");
        return DirectoryVerifier.Unreadable;
    }

    private bool Show(string path)
    {
        var name = Path.GetFileName(path);
        if (!LogFileName.TryParse(name, out var baseOffset, out var suffix))
        {
            return _texts.TryShow(path);
        }

        using var file = environment.Files.Open(path, FileOpen.Read);
        switch (suffix)
        {
            case LogFileName.Index:
                ShowIndex(file, name, OffsetIndex.EntrySize, b => OffsetIndex.Parse(b), (e, json) =>
                    (json["offset"], json["position"]) = (baseOffset + e.Key, e.Value));
                return true;
            case LogFileName.TimeIndex:
                ShowIndex(file, name, TimeIndex.EntrySize, b => TimeIndex.Parse(b), (e, json) =>
                    (json["timestamp"], json["offset"]) = (e.Key, baseOffset + e.Value));
                return true;
            case LogFileName.TransactionIndex:
                ShowTransactions(file, name);
                return true;
            case LogFileName.Snapshot:
                ShowProducers(file, name);
                return true;

            // What was cut off or set aside is batches too, as far as it is whole.
            case LogFileName.Log or LogFileName.Log + LogFileName.Deleted or LogFileName.Log + LogFileName.Cleaned
                or LogFileName.Log + LogFileName.Swap:
            case var damaged when damaged.EndsWith(LogFileName.Damaged, StringComparison.Ordinal):
                using (var reader = new SegmentReader(file))
                {
                    ShowBatches(name, reader);
                }

                return true;
            default:
                return false;
        }
    }

    private void ShowBatches(string name, SegmentReader reader)
    {
        while (reader.TryNext(out var place))
        {
            var batch = place.Batch;
            var json = new JsonObject
            {
                ["file"] = name,
                ["position"] = place.Position,
                ["size"] = batch.Size,
                ["baseOffset"] = batch.BaseOffset,
                ["lastOffset"] = batch.LastOffset,
                ["partitionLeaderEpoch"] = batch.LeaderEpoch,
                ["crc"] = batch.Crc,
                ["crcValid"] = place.HasValidCrc,
                ["attributes"] = batch.Attributes,
                ["baseTimestamp"] = batch.BaseTimestamp,
                ["maxTimestamp"] = batch.MaxTimestamp,
                ["producerId"] = batch.ProducerId,
                ["producerEpoch"] = batch.ProducerEpoch,
                ["baseSequence"] = batch.BaseSequence,
                ["lastSequence"] = batch.LastSequence,
                ["transactional"] = batch.IsTransactional,
                ["control"] = batch.IsControl,
                ["count"] = batch.RecordCount,
            };
            if (withRecords && place.HasValidCrc)
            {
                json["records"] = Records(batch, reader.Bytes(place)[RecordBatchHeader.Size..]);
            }

            output.WriteLine(json.ToJsonString());
        }

        if (reader.Position < reader.Length)
        {
            var problem = new JsonObject
            {
                ["file"] = name,
                ["position"] = reader.Position,
                ["problem"] = reader.WhatLiesThere(),
            };
            output.WriteLine(problem.ToJsonString());
        }
    }

    private JsonArray? Records(in RecordBatchInfo batch, ReadOnlySpan<byte> bytes)
    {
        if (batch.Codec != 0)
        {
            var plain = new ArrayBufferWriter<byte>();
            if (environment.Decompress is not { } decompress
                || !decompress(batch.Codec, new ReadOnlySequence<byte>(bytes.ToArray()), RecordsLimit, plain))
            {
                return null;
            }

            bytes = plain.WrittenSpan;
        }

        var result = new JsonArray();
        var reader = new RecordReader(batch, bytes);
        while (reader.Next())
        {
            result.Add((JsonNode)new JsonObject
            {
                ["offset"] = reader.Offset,
                ["timestamp"] = reader.Timestamp,
                ["key"] = reader.KeyIsNull ? null : Convert.ToBase64String(reader.Key),
                ["value"] = reader.ValueIsNull ? null : Convert.ToBase64String(reader.Value),
                ["headers"] = reader.HeaderCount,
            });
        }

        return result;
    }

    private void ShowIndex(
        IFile file, string name, int entrySize, Func<byte[], IndexEntry> parse, Action<IndexEntry, JsonObject> show)
    {
        var bytes = new byte[entrySize];
        var count = SparseIndex.CountEntries(file, entrySize);
        for (var i = 0; i < count; i++)
        {
            file.Read(bytes, (long)i * entrySize);
            var json = new JsonObject { ["file"] = name };
            show(parse(bytes), json);
            output.WriteLine(json.ToJsonString());
        }
    }

    private void ShowTransactions(IFile file, string name)
    {
        var bytes = new byte[TransactionIndex.EntrySize];
        for (long at = 0; at + bytes.Length <= file.Length; at += bytes.Length)
        {
            file.Read(bytes, at);
            var entry = TransactionIndex.Decode(bytes);
            var json = new JsonObject
            {
                ["file"] = name,
                ["producerId"] = entry.ProducerId,
                ["firstOffset"] = entry.FirstOffset,
                ["lastOffset"] = entry.LastOffset,
                ["lastStableOffset"] = entry.LastStableOffset,
            };
            output.WriteLine(json.ToJsonString());
        }
    }

    private void ShowProducers(IFile file, string name)
    {
        var bytes = new byte[file.Length];
        file.Read(bytes, 0);
        var table = new ProducerStateTable();
        if (!ProducerSnapshot.TryDecode(bytes, table, 0, long.MaxValue))
        {
            output.WriteLine(new JsonObject { ["file"] = name, ["problem"] = "damaged" }.ToJsonString());
            return;
        }

        foreach (var state in table.All)
        {
            var json = new JsonObject
            {
                ["file"] = name,
                ["producerId"] = state.ProducerId,
                ["producerEpoch"] = state.Epoch,
                ["lastSequence"] = state.LastSequence,
                ["lastOffset"] = state.LastDataOffset,
                ["timestamp"] = state.LastTimestamp,
                ["coordinatorEpoch"] = state.CoordinatorEpoch,
                ["currentTxnFirstOffset"] = state.TransactionFirstOffset,
            };
            output.WriteLine(json.ToJsonString());
        }
    }
}
