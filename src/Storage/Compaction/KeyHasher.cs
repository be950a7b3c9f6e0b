using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Storage;

/// <summary>
/// SipHash-2-4 with 128 bits of result. Keyed with chance for each round of cleaning, so that nobody can make keys
/// that collide on purpose; by accident two of a billion keys do with a probability of about 10^-21.
/// </summary>
internal readonly struct KeyHasher(ulong k0, ulong k1)
{
    public static KeyHasher Seeded(LogEnvironment environment)
    {
        Span<byte> seed = stackalloc byte[16];
        environment.RandomBytes(seed);
        return new KeyHasher(
            BinaryPrimitives.ReadUInt64LittleEndian(seed), BinaryPrimitives.ReadUInt64LittleEndian(seed[8..]));
    }

    public KeyHash Hash(ReadOnlySpan<byte> key)
    {
        var state = new State
        {
            V0 = k0 ^ 0x736f6d6570736575,
            V1 = k1 ^ 0x646f72616e646f6d ^ 0xee,
            V2 = k0 ^ 0x6c7967656e657261,
            V3 = k1 ^ 0x7465646279746573,
        };
        var last = (ulong)key.Length << 56;
        while (key.Length >= 8)
        {
            state.Absorb(BinaryPrimitives.ReadUInt64LittleEndian(key));
            key = key[8..];
        }

        for (var i = 0; i < key.Length; i++)
        {
            last |= (ulong)key[i] << (8 * i);
        }

        state.Absorb(last);
        state.V2 ^= 0xee;
        state.Rounds4();
        var low = state.V0 ^ state.V1 ^ state.V2 ^ state.V3;
        state.V1 ^= 0xdd;
        state.Rounds4();
        return new KeyHash(low, state.V0 ^ state.V1 ^ state.V2 ^ state.V3);
    }

    private struct State
    {
        public ulong V0;
        public ulong V1;
        public ulong V2;
        public ulong V3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Absorb(ulong word)
        {
            V3 ^= word;
            Round();
            Round();
            V0 ^= word;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Rounds4()
        {
            Round();
            Round();
            Round();
            Round();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Round()
        {
            V0 += V1;
            V1 = BitOperations.RotateLeft(V1, 13) ^ V0;
            V0 = BitOperations.RotateLeft(V0, 32);
            V2 += V3;
            V3 = BitOperations.RotateLeft(V3, 16) ^ V2;
            V0 += V3;
            V3 = BitOperations.RotateLeft(V3, 21) ^ V0;
            V2 += V1;
            V1 = BitOperations.RotateLeft(V1, 17) ^ V2;
            V2 = BitOperations.RotateLeft(V2, 32);
        }
    }
}

/// <summary>128 bits that stand for a key.</summary>
internal readonly record struct KeyHash(ulong Low, ulong High);
