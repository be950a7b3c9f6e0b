#!/usr/bin/python3
"""Makes the compressed files of this folder with the tools of Debian: gzip, zstd, lz4, python3-snappy, python3-zstandard.

Run it in an empty folder. The plain content is not kept: Samples.cs makes the same bytes.
A file is called KIND-SIZE.CODEC[.VARIANT].bin.
"""
import gzip
import struct
import subprocess

import snappy
import zstandard


class Dice:
    def __init__(self):
        self.state = 20261121

    def next(self, sides):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 16) % sides


def sample(kind, size):
    dice = Dice()
    if kind == "zeros":
        return bytes(size)
    if kind == "noise":
        return bytes(dice.next(256) for _ in range(size))
    if kind == "few":
        return bytes(min(dice.next(6), dice.next(6)) for _ in range(size))
    if kind == "steps":
        steps = bytearray(b"0123456789abcdef")
        while len(steps) < size:
            steps += bytes([dice.next(256)]) + steps[:15]
        return bytes(steps[:size])
    words = [bytes(97 + min(dice.next(26), dice.next(26)) for _ in range(2 + dice.next(9))) for _ in range(300)]
    text = bytearray()
    throws = 40 if kind == "drum" else 3
    while len(text) < size:
        text += words[min(dice.next(300) for _ in range(throws))] + b" "
    return bytes(text[:size])


def run(command, plain):
    return subprocess.run(command, input=plain, stdout=subprocess.PIPE, check=True).stdout


def save(kind, size, name, compressed):
    with open(f"{kind}-{size}.{name}.bin", "wb") as file:
        file.write(compressed)


def xerial(plain, block=32 * 1024):
    out = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    for at in range(0, len(plain), block):
        part = snappy.compress(plain[at : at + block])
        out += struct.pack(">i", len(part)) + part
    return out


def zstd(level, plain, **options):
    return zstandard.ZstdCompressor(level=level, **options).compress(plain)


def both(kind, size, name, make):
    save(kind, size, name, make(sample(kind, size)))


def main():
    for kind, size in (("words", 5000), ("noise", 600), ("zeros", 70000), ("words", 0), ("words", 1)):
        both(kind, size, "gzip", lambda p: gzip.compress(p, 6, mtime=0))
        both(kind, size, "snappy.raw", snappy.compress)
        both(kind, size, "snappy.xerial", xerial)
        both(kind, size, "lz4", lambda p: run(["lz4", "-c", "-B4", "--no-frame-crc"], p))
        both(kind, size, "zstd", lambda p: zstd(3, p))
    both("words", 5000, "gzip.two-members", lambda p: gzip.compress(p[:2000], 1, mtime=0) + gzip.compress(p[2000:], mtime=0))
    both("drum", 70000, "lz4.linked", lambda p: run(["lz4", "-9", "-c", "-B4", "-BD", "-BX"], p))
    both("words", 5000, "lz4.checks", lambda p: run(["lz4", "-c", "-B7", "-BX"], p))
    both("words", 5000, "lz4.two-frames", lambda p: run(["lz4", "-c"], p[:9]) + run(["lz4", "-c"], p[9:]))
    both("words", 5000, "zstd.no-size", lambda p: run(["zstd", "-1", "-c", "--no-check"], p))
    both("words", 5000, "zstd.checked", lambda p: run(["zstd", "-19", "-c"], p))
    both("words", 5000, "zstd.fast", lambda p: run(["zstd", "--fast=5", "-c"], p))
    skippable = struct.pack("<II", 0x184D2A53, 5) + b"12345"
    both("words", 5000, "zstd.frames", lambda p: zstd(1, p[:100]) + skippable + zstd(22, p[100:]) + skippable)
    # Together these have every kind of table that zstd writes: its own, single, direct, repeated.
    both("few", 300, "zstd.direct-weights", lambda p: zstd(19, p))
    both("steps", 3000, "zstd.single-codes", lambda p: zstd(1, p))
    both("steps", 400000, "zstd.repeated-tables", lambda p: zstd(19, p))
    both("zeros", 140000, "zstd.repeated-byte", lambda p: zstd(3, p))
    both("drum", 150000, "zstd.blocks", lambda p: run(["zstd", "-1", "-c"], p))
    both("drum", 150000, "zstd.best", lambda p: run(["zstd", "--ultra", "-22", "-c"], p))


main()
