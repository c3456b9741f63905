"""Processor time, memory and free cores, as Linux counts them."""

import asyncio
import hashlib
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Spent, cores_free, cores_obtained

_CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
_SPIN_SECONDS = 0.3
_PIECE = bytes(1024 * 1024)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was used up to a moment, by ours and by all."""

    at: float
    spent: Spent
    busy: float
    stolen: float

    def seconds_since(self, before: "Reading") -> float:
        """Of the clock."""
        return self.at - before.at

    def free_since(self, before: "Reading") -> float:
        """Cores that others left, from /proc/stat."""
        return cores_free(
            len(_CORES),
            self.seconds_since(before),
            busy=self.busy - before.busy,
            stolen=self.stolen - before.stolen,
            ours=self.spent.since(before.spent).together,
        )


@dataclass(frozen=True, slots=True)
class Meters:
    """Of the servers by the ports that they listen on; a server that is not a process here used nothing."""

    kafka: int | None
    postgres: int | None

    @classmethod
    def of(cls, kafka_port: int, postgres_port: int) -> "Meters":
        """Of the processes that listen there now."""
        listeners = {
            connection.laddr.port: connection.pid
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        return cls(listeners.get(kafka_port), listeners.get(postgres_port))

    def read(self, recorders: Sequence[int] = ()) -> Reading:
        """As of now."""
        spent = Spent(
            recorder=sum(map(processor_seconds, recorders)),
            postgres=_family_seconds(self.postgres),
            kafka=processor_seconds(self.kafka),
            client=time.process_time(),
        )
        everybody = psutil.cpu_times(percpu=True)
        cores = [everybody[core] for core in _CORES]
        busy = sum(core.user + core.nice + core.system + core.irq + core.softirq for core in cores)
        return Reading(time.perf_counter(), spent, busy, sum(core.steal for core in cores))


def processor_seconds(pid: int | None) -> float:
    """User and system time of a process, all its threads together; 0 of none and of one that is gone."""
    if pid is not None:
        with suppress(OSError):
            # The clock of another process, see clock_getcpuclockid(3): nanoseconds, where /proc counts hundredths.
            return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident."""
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(peak[1]) / 1024 if peak else float("nan")


def _family_seconds(pid: int | None) -> float:
    """Of a process, its children that live, and those that ended."""
    if pid is None:
        return 0.0
    parent = psutil.Process(pid)
    ended = parent.cpu_times()
    alive = [pid, *(child.pid for child in parent.children(recursive=True))]
    return sum(map(processor_seconds, alive)) + float(ended.children_user + ended.children_system)


class Cores:
    """How much work loops get done that are as many as there are cores, by the fastest piece of work so far."""

    def __init__(self) -> None:
        self._fastest = float("inf")

    async def obtained(self, seconds: float = _SPIN_SECONDS) -> float:
        """In cores; takes that long, and leaves nothing to anybody meanwhile."""
        began = time.perf_counter()
        done = await asyncio.gather(*[asyncio.to_thread(_spin, seconds) for _ in _CORES])
        passed = time.perf_counter() - began
        self._fastest = min(self._fastest, *[fastest for _, fastest in done])
        return cores_obtained(sum(pieces for pieces, _ in done), self._fastest, passed)


def _spin(seconds: float) -> tuple[int, float]:
    """Pieces of work done, and seconds of the fastest. Hashing needs no lock of the interpreter: threads will do."""
    pieces, fastest = 0, float("inf")
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        before = now
        hashlib.sha256(_PIECE).digest()
        now = time.perf_counter()
        pieces, fastest = pieces + 1, min(fastest, now - before)
    return pieces, fastest
