using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Orleans.Kafka.Storage;

/// <summary>
/// The last offset of each key, in memory of a fixed size: 24 bytes a slot, the key's hash in the place of the key
/// (as Kafka's cleaner does), linear probing. Made for a round of cleaning and dropped after it.
/// </summary>
internal sealed class KeyOffsetMap
{
    /// <summary>Bytes of a slot.</summary>
    public const int SlotSize = 24;

    private const int FewestSlots = 16;

    private readonly KeyHasher _hasher;
    private readonly Slot[] _slots;
    private readonly int _capacity;

    /// <summary>An empty map.</summary>
    /// <param name="hasher">Makes the hashes.</param>
    /// <param name="memoryLimit">Most bytes to take (log.cleaner.dedupe.buffer.size).</param>
    /// <param name="loadFactor">How full it may get (log.cleaner.io.buffer.load.factor).</param>
    /// <param name="mostKeys">More keys than this never come: for few of them less memory is taken.</param>
    public KeyOffsetMap(KeyHasher hasher, long memoryLimit, double loadFactor, long mostKeys)
    {
        _hasher = hasher;
        var most = Math.Clamp(memoryLimit / SlotSize, FewestSlots, Array.MaxLength);
        var wanted = mostKeys > most ? most : (long)(mostKeys / Math.Min(loadFactor, 0.75)) + FewestSlots;
        _slots = new Slot[(int)Math.Min(most, wanted)];
        _capacity = Math.Clamp((int)(_slots.Length * loadFactor), 1, _slots.Length - 1);
    }

    /// <summary>Keys in it.</summary>
    public int Count { get; private set; }

    /// <summary>Keys that fit.</summary>
    public int Capacity => _capacity;

    /// <summary>Every key below and at this offset is in it; -1 for none.</summary>
    public long LatestOffset { get; private set; } = -1;

    /// <summary>Notes that a key's last record so far lies at an offset.</summary>
    /// <returns>False if the key is new and the map is full.</returns>
    public bool TryPut(KeyHash hash, long offset)
    {
        ref var slot = ref Find(hash);
        if (slot.OffsetPlusOne == 0)
        {
            if (Count == _capacity)
            {
                return false;
            }

            Count++;
            slot.Hash = hash;
        }

        slot.OffsetPlusOne = offset + 1;
        return true;
    }

    /// <summary>The last offset of a key; -1 if it is not there.</summary>
    public long OffsetOf(KeyHash hash) => Find(hash).OffsetPlusOne - 1;

    /// <summary>What stands for a key.</summary>
    public KeyHash Hash(ReadOnlySpan<byte> key) => _hasher.Hash(key);

    /// <summary>Tells the processor that a key will be looked up soon.</summary>
    public unsafe void Prefetch(KeyHash hash)
    {
        if (Sse.IsSupported)
        {
            // A hint only: if the array moves meanwhile, another line is fetched.
            Sse.Prefetch0(Unsafe.AsPointer(ref _slots[Start(hash)]));
        }
    }

    /// <summary>Everything up to an offset has been seen.</summary>
    public void ReachedOffset(long offset) => LatestOffset = Math.Max(LatestOffset, offset);

    private ref Slot Find(KeyHash hash)
    {
        var slots = _slots;
        var at = Start(hash);
        while (true)
        {
            ref var slot = ref slots[at];
            if (slot.OffsetPlusOne == 0 || slot.Hash == hash)
            {
                return ref slot;
            }

            at = at + 1 == slots.Length ? 0 : at + 1;
        }
    }

    private int Start(KeyHash hash) => (int)(((hash.Low >> 32) * (ulong)_slots.Length) >> 32);

    private struct Slot
    {
        public KeyHash Hash;
        public long OffsetPlusOne;
    }
}
