using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Writes pieces of memory with as few system calls as there are, and allocates nothing: the runtime's own gathered
/// write makes two arrays a call.
/// </summary>
internal static unsafe partial class GatheredWrite
{
    private const int PiecesPerCall = 64;
    private const int Interrupted = 4;

    public static void Write(PhysicalFile file, IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position)
    {
        var handles = default(Handles);
        var vectors = stackalloc Vector[PiecesPerCall];
        for (var first = 0; first < pieces.Count; first += PiecesPerCall)
        {
            var count = Math.Min(PiecesPerCall, pieces.Count - first);
            try
            {
                for (var i = 0; i < count; i++)
                {
                    var piece = pieces[first + i];
                    handles[i] = piece.Pin();
                    vectors[i] = new Vector((byte*)handles[i].Pointer, piece.Length);
                }

                position += WriteAll(file, vectors, count, position);
            }
            finally
            {
                for (var i = 0; i < count; i++)
                {
                    handles[i].Dispose();
                    handles[i] = default;
                }
            }
        }
    }

    private static long WriteAll(PhysicalFile file, Vector* vectors, int count, long position)
    {
        long written = 0;
        while (count > 0)
        {
            var now = NativeMethods.Write(file.Handle, vectors, count, position + written);
            var error = now < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (error != 0 && error != Interrupted)
            {
                throw new IOException($"Cannot write {file.Path}: {Marshal.GetPInvokeErrorMessage(error)}", error);
            }

            now = Math.Max(now, 0);
            written += now;
            while (count > 0 && now >= vectors->Length)
            {
                now -= vectors->Length;
                vectors++;
                count--;
            }

            if (count > 0)
            {
                *vectors = new Vector(vectors->Start + now, vectors->Length - now);
            }
        }

        return written;
    }

    private readonly struct Vector(byte* start, nint length)
    {
        public readonly byte* Start = start;
        public readonly nint Length = length;
    }

    [InlineArray(PiecesPerCall)]
    private struct Handles
    {
        private MemoryHandle _first;
    }

    private static partial class NativeMethods
    {
        [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
        internal static partial nint Write(SafeFileHandle handle, Vector* vectors, int count, long position);
    }
}
