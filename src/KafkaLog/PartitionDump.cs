using System.Buffers;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>Writes what a partition's directory holds, one JSON object a line. Keys and values are in base64.</summary>
internal sealed class PartitionDump(LogEnvironment environment, TextWriter output, bool withRecords)
{
    private const int RecordsLimit = 1 << 30;

    /// <returns>The exit code: 0, or 2 if something cannot be read.</returns>
    public int Run(string directory)
    {
        try
        {
            foreach (var entry in environment.Files.List(directory).OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out var offset, out var suffix))
                {
                    Show(directory, entry.Name, offset, suffix);
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

    private void Show(string directory, string name, long baseOffset, string suffix)
    {
        using var file = environment.Files.Open(Path.Join(directory, name), FileOpen.Read);
        switch (suffix)
        {
            case LogFileName.Log:
                ShowBatches(name, new SegmentReader(file));
                break;
            case LogFileName.Index:
                ShowIndex(file, name, OffsetIndex.EntrySize, b => OffsetIndex.Parse(b), (e, json) =>
                    (json["offset"], json["position"]) = (baseOffset + e.Key, e.Value));
                break;
            case LogFileName.TimeIndex:
                ShowIndex(file, name, TimeIndex.EntrySize, b => TimeIndex.Parse(b), (e, json) =>
                    (json["timestamp"], json["offset"]) = (e.Key, baseOffset + e.Value));
                break;
            case LogFileName.TransactionIndex:
                ShowTransactions(file, name);
                break;
            case LogFileName.Snapshot:
                ShowProducers(file, name);
                break;
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
