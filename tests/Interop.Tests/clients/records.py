"""The records that every client produces, one per line of a text, and the form in which they are written down again.

What C# expects (TextRecords.cs) and what the Node.js clients produce (records.mjs) follows the same rules.
"""
import os
import sys

PARTITIONS = 3
FIRST_TIMESTAMP = 1700000000000


def read_lines(path):
    with open(path, "rb") as file:
        return file.read().split(b"\n")[:-1]


def record(number, line):
    """Gives (partition, key, value, headers, timestamp) of a line."""
    key = None if number % 4 == 0 else b"key-%d" % (number % 1000)
    value = line
    if number % 1000 == 7:
        value = None
    elif number % 1000 == 8:
        value = b""
    headers = []
    if number % 100 == 0:
        headers = [("line", b"%d" % number), ("text", line), ("empty", b"")]
    return number // 1000 % PARTITIONS, key, value, headers, FIRST_TIMESTAMP + 10 * number


def describe(partition, offset, timestamp, key, value, headers):
    """One line of a file of consumed records."""
    def written(data):
        return "~" if data is None else data.hex()

    text = ";".join(f"{name}={written(data)}" for name, data in headers or [])
    return f"{partition}\t{offset}\t{timestamp}\t{written(key)}\t{written(value)}\t{text}\n"


def expect(condition, message):
    if not condition:
        print("NOT AS EXPECTED: " + message, file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)


def expect_equal(actual, expected, message):
    expect(actual == expected, f"{message}: got {actual!r} instead of {expected!r}")
