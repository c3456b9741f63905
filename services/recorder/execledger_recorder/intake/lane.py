"""One partition's way into the store: its batches one after the other, beside those of other partitions."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.intake.fetched import Decoded, Fetched, fetched_of
from execledger_recorder.intake.patience import TROUBLE, Patience
from execledger_recorder.intake.places import Places
from execledger_recorder.intake.waiting import Waiting
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Letters, Read, Report, Trust, read_in_turns, record
from execledger_recorder.rules.account import Misplaced, Record
from execledger_recorder.rules.arrivals import parts
from execledger_recorder.rules.notices import Notices
from execledger_recorder.rules.partition import Partition, TopicPartition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the lanes of one recorder share."""

    client: Client
    store: Store
    circuits: Circuits
    places: Places
    trust: Trust
    patience: Patience
    metrics: Metrics
    notices: Notices
    settings: Settings
    on_bug: Callable[[Exception], None]
    on_room: Callable[[], None]


class Lane:
    """Records one partition. While Postgres takes one batch, what comes behind it is decoded; no transactions overlap.

    A batch is put together when the one before it is recorded: all that came meanwhile, as far as it fits.
    Of a failure that is nobody's plan `on_bug` is told, and nothing more is recorded here.
    """

    def __init__(self, id_: TopicPartition, workshop: Workshop) -> None:
        self.partition: Final = Partition(id_)
        self.moved_at = monotonic()  # when records last came, or nothing was waiting
        self._shop: Final = workshop
        self._task: Final = f"record {id_}"  # as it is called where it is waited for
        self._fetched: Final[Waiting[Fetched]] = Waiting()
        self._decoded: Final[Waiting[Decoded]] = Waiting()
        self._taken: Final[list[Fetched]] = []  # those that are decoded, or recorded
        self._began_at = 0.0  # when the last batch did
        self._closed = False
        self._decoder: Final = asyncio.create_task(self._work(self._decode_next))
        self._recorder: Final = asyncio.create_task(self._work(self._record_next))

    @property
    def is_idle(self) -> bool:
        """Whether all that was handed out is recorded, or held back."""
        return not self._fetched.parts and not self._taken

    @property
    def has_room(self) -> bool:
        """Whether more may be fetched: a batch waits at most beside the one that is recorded."""
        waiting = sum(len(part.records) for part in self._fetched.parts) + sum(
            len(part.reads) for part in self._decoded.parts
        )
        return waiting < self._shop.settings.batch_size

    @property
    def size(self) -> int:
        """Bytes of what was handed out and is not recorded yet."""
        return sum(fetched.size for fetched in (*self._fetched.parts, *self._taken))

    def put(self, records: Sequence[ConsumerRecord]) -> None:
        """Take what the client has just handed out."""
        self._fetched.put(fetched_of(records, self.partition.seeks))
        self._note_oldest()
        self.moved_at = monotonic()

    async def close(self) -> None:
        """Finish the batch in hand; nothing more is recorded here."""
        self._closed = True
        self._decoder.cancel()
        self._decoded.close()
        await asyncio.wait([self._decoder, self._recorder])
        self._fetched.parts.clear()
        self._shop.patience.forget(self._task)

    async def _work(self, take_next: Callable[[], Awaitable[None]]) -> None:
        try:
            while not self._closed:
                await take_next()
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is
            self._closed = True
            self._shop.on_bug(error)

    async def _decode_next(self) -> None:
        """What waits is made ready for a batch, or dropped to be read again."""
        await self._fetched.some()
        [fetched] = self._fetched.take(1)
        self._taken.append(fetched)
        reads: Sequence[Read] = ()
        try:
            reads = await self._decode(fetched)
        except TROUBLE as error:
            log.warning("batch_lost", error=str(error) or repr(error))
            self.partition.lose()
            await self._seek_to_ledger()
        finally:
            if not reads:
                self._release([fetched])
        if reads:
            self._decoded.put(Decoded(fetched, reads, monotonic()))

    async def _decode(self, fetched: Fetched) -> Sequence[Read]:
        """Nothing when it was fetched before the client was told to read from somewhere else."""
        if not self._is_void(fetched) and self.partition.went_back(fetched.records[0].offset):
            self.partition.lose(verify=True)
        if self.partition.is_lost:
            await self._seek_to_ledger()
        if self._is_void(fetched):
            return ()
        placed = await self._placed(fetched)
        with self._shop.metrics.phase("decode"):
            reads = await read_in_turns(placed, self._shop.settings.limits, self._shop.settings.translations)
        return await self._shop.trust.judge(reads)

    async def _placed(self, fetched: Fetched) -> list[Record]:
        """The records, each with how far back its fetch shows the log to be empty."""
        reach = await self._reach(fetched.records[0].offset)
        placed: list[Record] = []
        for raw in fetched.records:
            received = Record.received(raw, reach)
            placed.append(received.emptied() if raw.offset in self.partition.skips else received)
            reach = raw.offset + 1
        if not self._is_void(fetched):
            self.partition.reads_from = reach
        return placed

    async def _reach(self, offset: int) -> int:
        """A client that read on from somewhere, and found nothing before this offset, proves a gap.

        Unless the log begins later by now: then it skipped what was deleted.
        """
        start = self.partition.take_front(offset)
        if start == offset:
            return offset
        starts = await self._shop.client.starts([self.partition.id])
        return start if starts[self.partition.id] <= start else offset

    async def _record_next(self) -> None:
        """What is ready becomes a batch."""
        await self._decoded.some()
        await self._until_full_or_due()
        self._began_at = monotonic()
        batch = self._decoded.take(self._fitting(self._decoded.parts))
        self._shop.on_room()
        try:
            if batch and not self._is_void(batch[0].fetched):
                self._shop.metrics.waited(monotonic() - batch[0].at)
                await self._record_admitted(batch)
        finally:
            self._release([part.fetched for part in batch])

    async def _until_full_or_due(self) -> None:
        """Batches that follow each other too soon are small, and cost much for what they hold."""
        settings = self._shop.settings
        due_at = self._began_at + settings.batch_wait_ms / 1000
        while not self._closed and (left := due_at - monotonic()) > 0:
            if sum(len(part.reads) for part in self._decoded.parts) >= settings.batch_size:
                return
            await self._decoded.more(left)

    async def _record_admitted(self, batch: Sequence[Decoded]) -> None:
        reads = [read for part in batch for read in part.reads]
        if admitted := await self._admitted(reads, batch[0].fetched):
            seeks = self.partition.seeks  # what is held back of this batch has changed them already
            for part in parts(admitted, self._shop.settings.batch_size):
                if self._closed or self.partition.is_void(seeks):  # as it is once a part was misplaced
                    return
                await self._record(part)

    def _fitting(self, parts: Sequence[Decoded]) -> int:
        """How many of them make a batch: as many as fit, and were fetched from one place on; in any case the first."""
        records, number = 0, 0
        for part in parts:
            records += len(part.reads)
            if number and (records > self._shop.settings.batch_size or part.fetched.seeks != parts[0].fetched.seeks):
                break
            number += 1
        return number

    async def _admitted(self, reads: Sequence[Read], first: Fetched) -> Sequence[Read]:
        """What of a batch is to be recorded: nothing that a circuit breaker holds back, to which we return."""
        shop, id_ = self._shop, self.partition.id
        if (stop := shop.circuits.look(id_, reads)) is not None:
            await self._until_done(partial(shop.circuits.stop, stop))
            await self._until_done(shop.places.watch_circuits)
        if self._is_void(first):
            return ()
        admitted, held_back = shop.circuits.admitted(id_, reads)
        if held_back is not None:
            shop.places.return_to(self.partition, held_back)
        return admitted

    def _is_void(self, fetched: Fetched) -> bool:
        return self._closed or self.partition.is_void(fetched.seeks)

    async def _record(self, reads: Sequence[Read]) -> None:
        try:
            await self._until_done(partial(self._record_once, reads))
        except Misplaced as misplaced:
            log.warning("batch_misplaced", why=str(misplaced))
            self.partition.lose()
            await self._seek_to_ledger()

    async def _record_once(self, reads: Sequence[Read]) -> None:
        settings = self._shop.settings
        with self._shop.metrics.phase("record"):
            letters = Letters(settings.dead_letter_topic, settings.max_dead_letter_bytes)
            await record(self._shop.store, reads, letters, settings.command_policy, on_commit=self._committed)

    def _committed(self, report: Report, reads: Sequence[Read]) -> None:
        oldest = report.oldest_occurred_at
        records = sum(not record.event_index for record, _ in reads)
        self._shop.metrics.recorded(report, records, None if oldest is None else time() - oldest.timestamp())
        self.partition.record(reads[-1][0].offset)
        counts = Counter[str]()
        for (_, outcome), count in report.outcomes.items():
            counts[outcome] += count
        log.info(
            "batch_recorded",
            topic=self.partition.id.topic,
            partition=self.partition.id.partition,
            records=records,
            executions=report.executions,
            **counts,
        )
        self._tell_of_ignored(report)

    def _tell_of_ignored(self, report: Report) -> None:
        for event in report.ignored:
            if self._shop.notices.is_due(event.source, monotonic()):
                log.warning(
                    "fields_ignored",
                    source=event.source,
                    events_of_batch=sum(each.source == event.source for each in report.ignored),
                    external_id=event.external_id,
                    type=event.type,
                    fields={note.field: note.rule for note in event.notes},
                )

    async def _seek_to_ledger(self) -> None:
        """Now, for no other batch may come to remind us."""
        await self._until_done(partial(self._shop.places.seek_to_ledger, [self.partition]))

    async def _until_done(self, attempt: Callable[[], Awaitable[None]]) -> None:
        await self._shop.patience.retry_until_done(self._task, attempt, lambda: self._closed)

    def _release(self, done: Sequence[Fetched]) -> None:
        """Forget what is recorded, or dropped to be read again."""
        for fetched in done:
            self._taken.remove(fetched)
        self._note_oldest()
        self._shop.on_room()

    def _note_oldest(self) -> None:
        """With nothing in hand the last figure stands: how old the next records are will be known when they come."""
        if times := [fetched.oldest_ms for fetched in (*self._fetched.parts, *self._taken)]:
            self.partition.oldest_ms = min(times)
