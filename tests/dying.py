"""Recorders that kill themselves, as kill -9 does, where they wait for the nth time; a process that forks them.

`python dying.py` reads orders, one JSON object a line, and runs a recorder for each, forked, so that nothing is
imported again. When one has ended it says so: which waits there were, and whether it died at the last of them.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine, Generator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import asyncpg
import structlog
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from execledger_recorder.intake import consumer as consumer_module
from execledger_recorder.intake.consumer import Consumer
from execledger_recorder.intake.fetched import Fetched
from execledger_recorder.intake.lane import Lane
from execledger_recorder.metrics import Metrics
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store

_OURS: Final = f"{os.sep}execledger_recorder{os.sep}"
_LOOPS: Final = frozenset({"_fetch_forever", "_work"})  # what the second does with a batch is counted by itself


@dataclass(frozen=True, slots=True)
class End:
    """How a recorder ended: where it waited since it was armed, and whether the last wait was its death."""

    waits: list[str]
    has_died: bool


@dataclass(slots=True)
class Zygote:
    """The process that forks recorders, one at a time."""

    process: Process

    async def start(self, settings: dict[str, object], *, armed_from: int, upto: int, dies_at: int) -> None:
        """A recorder, which counts its waits from that offset of partition 0 on, and ends when all is recorded."""
        assert self.process.stdin is not None
        order = {"settings": settings, "armed_from": armed_from, "upto": upto, "dies_at": dies_at}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def ended(self) -> End:
        """How the recorder that was started ended; a failure when it did not end as it was told to."""
        assert self.process.stdout is not None
        waits: list[str] = []
        while "status" not in (line := json.loads(await asyncio.wait_for(self.process.stdout.readline(), 20))):
            waits.append(line["wait"])
        assert line["status"] in (0, -signal.SIGKILL), f"exit status {line['status']}, see stderr"
        return End(waits, line["status"] != 0)


@asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    """For as long as the block lasts."""
    path = os.pathsep.join(filter(None, sys.path))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    try:
        yield Zygote(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # and the recorder that still runs, if one does
        await process.wait()


@dataclass(slots=True)
class _Waits:
    """Counts where coroutines wait, and kills the process at one of these places."""

    dies_at: int
    is_armed: bool = False
    count: int = 0

    async def of(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run it."""
        return await _Counted(coroutine, self)

    def add(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        if not self.is_armed:
            return
        self.count += 1
        _say(wait=_place(coroutine))
        if self.count == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def make_task(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """Tasks that the recorder's own code begins count too, but for those that only wait for what Kafka has."""
        code = getattr(coroutine, "cr_code", None)
        counts = code is not None and _OURS in code.co_filename and code.co_name not in _LOOPS
        return asyncio.Task(self.of(coroutine) if counts else coroutine, loop=loop, **options)


@dataclass(slots=True)
class _Counted:
    coroutine: Coroutine[Any, Any, Any]
    waits: _Waits

    def __await__(self) -> Generator[Any, Any, Any]:
        step, given = self.coroutine.send, None
        while True:
            try:
                waited_for = step(given)
            except StopIteration as end:
                return end.value
            self.waits.add(self.coroutine)
            try:
                step, given = self.coroutine.send, (yield waited_for)
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is the coroutine's
                step, given = self.coroutine.throw, error


@dataclass(slots=True)
class _Goal:
    upto: int
    is_reached: asyncio.Event = field(default_factory=asyncio.Event)


class _DoomedLane(Lane):
    """A lane whose waits are counted from the batch on that begins at an offset."""

    waits: _Waits
    armed_from: int
    goal: _Goal

    async def _decode(self, fetched: Fetched) -> Any:
        if fetched.records[0].offset >= self.armed_from:
            self.waits.is_armed = True
        return await self.waits.of(super()._decode(fetched))

    async def _record_admitted(self, batch: Any) -> None:
        await self.waits.of(super()._record_admitted(batch))
        if self.partition.id.partition == 0 and (self.partition.next_offset or 0) >= self.goal.upto:
            self.goal.is_reached.set()


class _Doomed(Consumer):
    """A consumer whose waits are counted, and those of its lanes."""

    def __init__(self, waits: _Waits, *arguments: Any) -> None:
        self._waits = waits
        super().__init__(*arguments)
        # Whatever the client asks waits behind a fetch that finds nothing: half a second, of which a test has many.
        self.client._subscription._subscriber._connection_args["fetch_max_wait_ms"] = 10

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._waits.of(super().on_partitions_assigned(assigned))


async def _run(order: dict[str, Any]) -> None:
    waits, goal = _Waits(order["dies_at"]), _Goal(order["upto"])
    asyncio.get_running_loop().set_task_factory(waits.make_task)
    settings = Settings(**order["settings"])
    waits.is_armed = order["armed_from"] == 0
    _DoomedLane.waits, _DoomedLane.armed_from, _DoomedLane.goal = waits, order["armed_from"], goal
    setattr(consumer_module, "Lane", _DoomedLane)  # noqa: B010  # mypy knows no assignment to a class
    # Statements are prepared each time, or how often they wait depends on the connection that the pool gives.
    setattr(asyncpg, "create_pool", partial(asyncpg.create_pool, statement_cache_size=0))  # noqa: B010
    async with Store(settings.dsn) as store:
        metrics = Metrics(CollectorRegistry())
        consumer = _Doomed(waits, store, metrics, settings, _fail)
        await consumer.start()
        await goal.is_reached.wait()
        await waits.of(consumer.drain())
        waits.is_armed = False
        await consumer.client.stop()


def _fail() -> None:
    os._exit(1)


def _place(coroutine: Any) -> str:
    """The innermost line of the recorder's own code in which it waits."""
    place = "?"
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is not None and _OURS in frame.f_code.co_filename:
            place = f"{os.path.basename(frame.f_code.co_filename)} {frame.f_code.co_name} {frame.f_lineno}"  # noqa: PTH119
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return place


def _say(**said: Any) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


def _main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(_run(json.loads(line)))
            os._exit(0)
        _say(status=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    _main()
