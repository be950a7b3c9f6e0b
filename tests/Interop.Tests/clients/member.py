"""What a member of a group says while it lives, one line for each event, for GroupMember.cs to read.

The first line is "started": from then on the member can be asked to stop. A line is "assigned", "revoked" or "lost" with the time in nanoseconds and the partitions meant; "read" with a partition
and an offset, before that offset is committed; "committed" with a partition and an offset, when the commit has succeeded.
"""
import signal
import time


class Member:
    def __init__(self):
        self.is_stopped = False
        signal.signal(signal.SIGTERM, self._stop)
        print("started", flush=True)

    def _stop(self, *_):
        self.is_stopped = True

    def ownership(self, event, partitions):
        numbers = " ".join(str(each.partition) for each in partitions)
        print(f"{event} {time.time_ns()} {numbers}", flush=True)

    def offsets(self, event, offsets):
        """Takes pairs of partition and offset."""
        lines = "".join(f"{event} {partition} {offset}\n" for partition, offset in offsets)
        print(lines, end="", flush=True)
