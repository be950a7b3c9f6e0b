namespace Orleans.Kafka.Simulation.Tests;

/// <content>What the disk does.</content>
internal sealed partial class History
{
    private string? _fault;

    /// <summary>The process is dead or the disk has its day: what fails now may fail.</summary>
    private bool IsExcused => _fault is not null || _files.IsDead;

    private string FaultName => _fault is null ? "" : $", {_fault}";

    private void BeginFault(PartitionModel partition)
    {
        switch (_random.Next(5))
        {
            case 0:
                _fault = "disk full";
                _disk.Files.CapacityBytes = _disk.Files.UsedBytes + _random.Next(2000);
                break;
            case 1:
                _fault = "a write fails half done";
                _disk.Files.TearNextWriteAt = _random.Next(200);
                break;
            case 2:
                _fault = "a flush is lost";
                _disk.Files.LoseNextFlush = true;
                _files.DieBefore = 0;
                break;
            case 3:
                _fault = "reads fail";
                _disk.Files.BeforeRead = (path, _, _) => FailSometimes(path);
                break;
            default:
                // Not an excuse: a slow disk is no reason for anything to fail.
                _disk.Files.BeforeWrite = (_, _, _) => _disk.Clock.NowMs += _random.Next(60_000);
                break;
        }
    }

    private void FailSometimes(string path)
    {
        if (_random.Next(4) == 0)
        {
            throw new IOException($"Input/output error: {path}");
        }
    }

    private void EndFault()
    {
        _fault = null;
        _disk.Files.CapacityBytes = long.MaxValue;
        _disk.Files.TearNextWriteAt = -1;
        _disk.Files.LoseNextFlush = false;
        _disk.Files.BeforeRead = null;
        _disk.Files.BeforeWrite = null;
    }
}
