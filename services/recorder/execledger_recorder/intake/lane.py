"""One partition's way into the store: its batches one after the other, beside those of other partitions."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.intake.patience import TROUBLE, Patience
from execledger_recorder.intake.places import Places
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Read, Report, read_in_turns, record
from execledger_recorder.rules.account import Misplaced, Record
from execledger_recorder.rules.partition import Partition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.kafka.records import LATEST_MS

log = structlog.get_logger()

_RECORD_BYTES: Final = 500  # what a record takes beside its key and value


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records that the client handed out at once, after it had been told so often to read from somewhere."""

    records: Sequence[ConsumerRecord]
    seeks: int
    oldest_ms: int
    size: int


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the lanes of one recorder share."""

    client: Client
    store: Store
    circuits: Circuits
    places: Places
    patience: Patience
    metrics: Metrics
    settings: Settings
    on_bug: Callable[[Exception], None]
    on_room: Callable[[], None]


class Lane:
    """Records one partition. While Postgres takes one batch the next is decoded; transactions never overlap.

    Of a failure that is nobody's plan `on_bug` is told, and nothing more is recorded here.
    """

    def __init__(self, number: int, workshop: Workshop) -> None:
        self.partition: Final = Partition(number)
        self.moved_at = monotonic()  # when records last came, or nothing was waiting
        self._shop: Final = workshop
        self._task: Final = f"record {number}"  # as it is called where it is waited for
        self._queue: Final[deque[Fetched]] = deque()
        self._taken: Final[list[Fetched]] = []  # those that are being decoded or recorded
        self._arrived: Final = asyncio.Event()
        self._in_hand: asyncio.Task[None] | None = None
        self._closed = False
        self._worker: Final = asyncio.create_task(self._work())

    @property
    def is_idle(self) -> bool:
        """Whether all that was handed out is recorded, or held back."""
        return not self._queue and not self._taken

    @property
    def has_room(self) -> bool:
        """Whether more may be fetched: a batch waits at most beside the two that are decoded and recorded."""
        return sum(len(fetched.records) for fetched in self._queue) < self._shop.settings.batch_size

    @property
    def size(self) -> int:
        """Bytes of what was handed out and is not recorded yet."""
        return sum(fetched.size for fetched in (*self._queue, *self._taken))

    def put(self, records: Sequence[ConsumerRecord]) -> None:
        """Take what the client has just handed out."""
        self._queue.append(_fetched(records, self.partition.seeks))
        self._note_oldest()
        self.moved_at = monotonic()
        self._arrived.set()

    async def close(self) -> None:
        """Finish the batch in hand; nothing more is recorded here."""
        self._closed = True
        await self._finish()
        self._worker.cancel()
        await asyncio.wait([self._worker])
        self._queue.clear()
        self._shop.patience.forget(self._task)

    async def _work(self) -> None:
        try:
            while not self._closed:
                await self._take_or_return(await self._next())
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._closed = True
        self._shop.on_bug(error)

    async def _next(self) -> Fetched:
        """What waits, as much of it as makes a batch."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        batch = _next_batch(self._queue, self._shop.settings.batch_size)
        self._taken.append(batch)
        self._shop.on_room()
        return batch

    async def _take_or_return(self, batch: Fetched) -> None:
        is_handed_on = False
        try:
            is_handed_on = await self._take(batch)
        except TROUBLE as error:
            log.warning("batch_lost", error=str(error) or repr(error))
            self.partition.lose()
            await self._seek_to_ledger()
        finally:
            if not is_handed_on:
                self._release(batch)

    async def _take(self, batch: Fetched) -> bool:
        """Whether the batch, or some of it, is on its way to Postgres."""
        if not self._is_void(batch) and self.partition.went_back(batch.records[0].offset):
            self.partition.lose(verify=True)
        if self.partition.is_lost:
            await self._seek_to_ledger()
        if self._is_void(batch):
            return False
        reads = await self._read(await self._placed(batch))
        with self._shop.metrics.phase("wait"):
            await self._finish()
        if self._is_void(batch) or not (admitted := await self._admitted(reads, batch)):
            return False
        self._in_hand = asyncio.create_task(self._record(admitted, batch))
        return True

    async def _placed(self, batch: Fetched) -> list[Record]:
        """The batch, each record with how far back its fetch shows the log to be empty."""
        reach = await self._reach(batch.records[0].offset)
        placed: list[Record] = []
        for raw in batch.records:
            placed.append(Record.received(raw, reach))
            reach = raw.offset + 1
        if not self._is_void(batch):
            self.partition.reads_from = reach
        return placed

    async def _reach(self, offset: int) -> int:
        """A client that read on from somewhere, and found nothing before this offset, proves a gap.

        Unless the log begins later by now: then it skipped what was deleted.
        """
        start = self.partition.take_front(offset)
        if start == offset:
            return offset
        starts = await self._shop.client.starts([self.partition.number])
        return start if starts[self.partition.number] <= start else offset

    async def _read(self, records: Sequence[Record]) -> Sequence[Read]:
        with self._shop.metrics.phase("decode"):
            return await read_in_turns(records, self._shop.settings.limits)

    async def _admitted(self, reads: Sequence[Read], batch: Fetched) -> Sequence[Read]:
        """What of a batch is to be recorded: nothing that a circuit breaker holds back, to which we return."""
        shop, number = self._shop, self.partition.number
        if (stop := shop.circuits.look(number, reads)) is not None:
            await self._until_done(partial(shop.circuits.stop, stop))
            await self._until_done(shop.places.watch_circuits)
        if self._is_void(batch):
            return ()
        admitted, held_back = shop.circuits.admitted(number, reads)
        if held_back is not None:
            shop.places.return_to(self.partition, held_back)
        return admitted

    def _is_void(self, batch: Fetched) -> bool:
        return self._closed or self.partition.is_void(batch.seeks)

    async def _record(self, reads: Sequence[Read], batch: Fetched) -> None:
        try:
            await self._record_or_return(reads)
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is
            self._fail(error)
        finally:
            self._release(batch)

    async def _record_or_return(self, reads: Sequence[Read]) -> None:
        try:
            await self._until_done(partial(self._record_once, reads))
        except Misplaced as misplaced:
            log.warning("batch_misplaced", why=str(misplaced))
            self.partition.lose()
            await self._seek_to_ledger()

    async def _record_once(self, reads: Sequence[Read]) -> None:
        settings = self._shop.settings
        with self._shop.metrics.phase("record"):
            topic, policy = settings.dead_letter_topic, settings.command_policy
            await record(self._shop.store, reads, topic, policy, on_commit=self._committed)

    def _committed(self, report: Report, reads: Sequence[Read]) -> None:
        oldest = report.oldest_occurred_at
        self._shop.metrics.recorded(report, len(reads), None if oldest is None else time() - oldest.timestamp())
        self.partition.record(reads[-1][0].offset)
        counts = Counter[str]()
        for (_, outcome), count in report.outcomes.items():
            counts[outcome] += count
        log.info(
            "batch_recorded",
            partition=self.partition.number,
            records=len(reads),
            executions=report.executions,
            **counts,
        )

    async def _seek_to_ledger(self) -> None:
        """Now, for no other batch may come to remind us."""
        await self._until_done(partial(self._shop.places.seek_to_ledger, [self.partition]))

    async def _until_done(self, attempt: Callable[[], Awaitable[None]]) -> None:
        await self._shop.patience.retry_until_done(self._task, attempt, lambda: self._closed)

    async def _finish(self) -> None:
        if self._in_hand is not None:
            await asyncio.wait([self._in_hand])

    def _release(self, batch: Fetched) -> None:
        """Forget a batch that is recorded, or dropped to be read again."""
        self._taken.remove(batch)
        self._note_oldest()
        self._shop.on_room()

    def _note_oldest(self) -> None:
        """With nothing in hand the last figure stands: how old the next records are will be known when they come."""
        if times := [fetched.oldest_ms for fetched in (*self._queue, *self._taken)]:
            self.partition.oldest_ms = min(times)


def _fetched(records: Sequence[ConsumerRecord], seeks: int) -> Fetched:
    oldest_ms = min(max(record.timestamp, 0) for record in records)  # producers say when, and their clocks differ
    size = sum(
        _RECORD_BYTES + (len(record.value) if record.value else 0) + (len(record.key) if record.key else 0)
        for record in records
    )
    return Fetched(records, seeks, min(oldest_ms, LATEST_MS), size)


def _next_batch(queue: deque[Fetched], most: int) -> Fetched:
    """What waits, as much of it as fits; in any case the first."""
    first = queue.popleft()
    parts, count = [first], len(first.records)
    while queue and queue[0].seeks == first.seeks:
        count += len(queue[0].records)
        if count > most:
            break
        parts.append(queue.popleft())
    return _joined(parts)


def _joined(parts: Sequence[Fetched]) -> Fetched:
    if len(parts) == 1:
        return parts[0]
    return Fetched(
        [record for part in parts for record in part.records],
        parts[0].seeks,
        min(part.oldest_ms for part in parts),
        sum(part.size for part in parts),
    )
