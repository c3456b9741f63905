"""The way in from Kafka: batches in, each recorded before the next, read on from where the ledger stands."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from execledger_recorder.errors import StoreUnavailable, StrangeLog
from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.header_names import tolerate
from execledger_recorder.intake.kafka_log import KafkaLog
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Read, Report, read_in_turns, record
from execledger_recorder.rules.account import LATEST_MS, Misplaced, Record
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store

if TYPE_CHECKING:
    from faststream.kafka.subscriber.usecase import BatchSubscriber

log = structlog.get_logger()

_COMMIT_SECONDS: Final = 1.0  # offsets in Kafka only show progress: the ledger says where to read on
_COMMIT_PATIENCE_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 5.0
_STALL_SECONDS: Final = 30.0


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Consumes the events topic.

    While Postgres takes one batch the next is decoded; transactions never overlap. A failure that is nobody's plan
    is handed to `on_bug`, and nothing more is recorded.
    """

    is_stalled = False
    """Whether records wait in Kafka and none has come for half a minute."""

    def __init__(
        self, broker: KafkaBroker, store: Store, metrics: Metrics, settings: Settings, on_bug: Callable[[], None]
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._settings = settings
        self._on_bug = on_bug
        self.circuits = Circuits(store, metrics, settings)
        self._in_hand: asyncio.Task[None] | None = None
        self._is_handling = False  # a batch is being decoded, or waits for the one in hand
        self._stopped = False
        self._obstacles: dict[str, str] = {}  # who waits for the infrastructure, and why
        self._lost: set[int] = set()  # partitions whose place in the log must be looked up before they are read
        self._unverified: set[int] = set()  # those of which it must be looked at whether Kafka's log is still the same
        self._turn = asyncio.Lock()  # to find our place
        self._reads_on: dict[int, int] = {}  # from where the client reads a partition: as we said, or behind what came
        self._moves = 0  # how often we sought: batches fetched before are void
        self._next_offsets: dict[int, int] = {}
        self._oldest_ms: dict[int, int] = {}  # Kafka timestamp of the oldest record that may be unrecorded
        self._commit_due = 0.0
        self._moved_at = monotonic()  # when a batch last came, or nothing was waiting
        tolerate()
        self._subscriber: BatchSubscriber = broker.subscriber(
            settings.events_topic,
            group_id=settings.consumer_group,
            group_instance_id=settings.consumer_instance_id,
            batch=True,
            max_records=settings.batch_size,
            batch_timeout_ms=settings.batch_wait_ms,
            max_partition_fetch_bytes=8 * 1024 * 1024,
            fetch_max_wait_ms=100,  # a question about offsets waits behind the fetch that finds nothing
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            listener=self,
            # Records reach us as they came: the ready-made parser stops at a header that is not UTF-8.
            parser=_as_it_came,
            decoder=_undecoded,
        )
        self._subscriber(self._handle)

    async def drain(self) -> None:
        """Finish the batch in hand and commit what was recorded. Call it before the broker is stopped."""
        self._stopped = True
        await self._finish()
        await self._commit()

    @property
    def waits_for(self) -> list[str]:
        """Why nothing can be recorded now."""
        return list(dict.fromkeys(self._obstacles.values()))

    async def observe(self) -> None:
        """Write down how far Kafka is ahead of the ledger, as of a moment before anybody looked."""
        with self._waiting("observe"):
            await self._observe()

    async def _observe(self) -> None:
        consumer = self._consumer
        if consumer is None or not self._assigned():
            return
        if self._lost:  # finding the place failed, and no batch may come to try again
            await self._find_place()
        moment, moves = await self._store.ledger.moment(), self._moves
        passed = await self._passed(consumer)
        ends = await self._offsets(AIOKafkaConsumer.end_offsets, passed) if passed else {}
        if self._lost or moves != self._moves or not ends.keys() <= self._assigned() & self._next_offsets.keys():
            return  # while we looked, the partitions or our places in them changed
        level = {partition for partition, end in ends.items() if self._is_level(partition, end, passed[partition])}
        self._watch_for_stall(ends.keys() - level <= self.circuits.open.keys())
        level -= {partition for partition in level if self._is_hiding(consumer, partition, ends[partition])}
        self._oldest_ms |= dict.fromkeys(level, int(moment.timestamp() * 1000))
        # How old the oldest record of any other partition is will be known with the first batch.
        seen = [
            self._see(partition, ends[partition], partition in level)
            for partition in self._oldest_ms
            if partition in ends
        ]
        await self._store.ledger.note_ends(self._settings.events_topic, sorted(seen), moment)

    def _see(self, partition: int, end: int, is_level: bool) -> tuple[int, int, int, datetime | None]:
        next_offset, oldest_ms = self._next_offsets[partition], None if is_level else self._oldest_ms[partition]
        self._metrics.lagging(partition, end - next_offset, oldest_ms)
        return (
            partition,
            next_offset,
            end,
            None if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1000, UTC),
        )

    async def _passed(self, consumer: AIOKafkaConsumer) -> dict[int, int]:
        """How far the client has handed out records, of the partitions whose place is known.

        Ask before a question to Kafka: while that is answered, a batch that is on its way to us arrives.
        """
        placed = [partition for partition in self._assigned() if partition in self._next_offsets]
        return {partition: await consumer.position(self._topic_partition(partition)) for partition in placed}

    def _is_hiding(self, consumer: AIOKafkaConsumer, partition: int, end: int) -> bool:
        """Whether records lie behind a transaction that is still open: nobody sees them, and they grow old."""
        highwater = consumer.highwater(self._topic_partition(partition))
        return highwater is None or highwater > end

    async def watch_ledger(self) -> None:
        """Show what the ledger says of itself; look up our place again when it stands before what we recorded."""
        recorded = {partition: at for partition, at in self._next_offsets.items() if partition in self._assigned()}
        ledger = await self._store.ledger.read()
        self._metrics.accounted(ledger)
        stands = {row.partition: row.next_offset for row in ledger if row.topic == self._settings.events_topic}
        if any(partition not in stands or stands[partition] < at for partition, at in recorded.items()):
            log.warning("ledger_went_back", recorded=recorded)
            self._lost = self._assigned()

    async def watch_circuits(self) -> None:
        """Stop and go on with partitions as Postgres says: a probe or an operator may have spoken there."""
        await self.circuits.refresh(self._assigned())
        self._pause_stopped()

    def _pause_stopped(self) -> None:
        if (consumer := self._consumer) is None:
            return
        stopped = {self._topic_partition(partition) for partition in self.circuits.open.keys() & self._assigned()}
        consumer.resume(*(consumer.paused() - stopped))
        consumer.pause(*stopped)

    def _watch_for_stall(self, is_level: bool) -> None:
        """The client may stop fetching without a word. What a circuit breaker holds back is no stall."""
        if is_level or (self._in_hand is not None and not self._in_hand.done()):
            self._moved_at = monotonic()
        self.is_stalled = monotonic() - self._moved_at > _STALL_SECONDS
        self._metrics.stalled.set(self.is_stalled)
        if self.is_stalled:
            log.error("consumer_stalled", seconds=round(monotonic() - self._moved_at), next_offsets=self._next_offsets)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish what is in hand, so that the next owner need not do it again."""
        await self._finish()
        await self._commit()
        for topic_partition in revoked:
            self._next_offsets.pop(topic_partition.partition, None)
            self._reads_on.pop(topic_partition.partition, None)
            self._metrics.forget(topic_partition.partition)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Read on from where the ledger stands, whatever offsets Kafka remembers."""
        self._metrics.rebalances.inc()
        self._lost = {topic_partition.partition for topic_partition in assigned}
        self._unverified = set(self._lost)
        self._oldest_ms.clear()
        log.info("partitions_assigned", partitions=sorted(self._lost))
        try:
            await self._find_place()
        except (StoreUnavailable, KafkaError) as error:  # the first batch tries again
            log.warning("place_unknown", error=str(error))

    async def _handle(self, message: KafkaMessage) -> None:
        """FastStream would swallow what is raised here, and go on with the next batch."""
        self._is_handling = True
        try:
            await self._take_or_return(message.raw_message)
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is
            self._fail(error)
        finally:
            self._is_handling = False

    async def _take_or_return(self, raw_batch: Sequence[ConsumerRecord]) -> None:
        try:
            await self._take(raw_batch)
        except (StoreUnavailable, KafkaError) as error:
            log.warning("batch_lost", error=str(error) or repr(error))
            self._lost = self._assigned()
            await self._patiently(self._find_place)  # now: no other batch may come to remind us

    async def _take(self, raw_batch: Sequence[ConsumerRecord]) -> None:
        if self._stopped:
            return
        if self._went_back(raw_batch):
            self._lost, self._unverified = self._assigned(), self._assigned()
        if self._lost:
            for raw in raw_batch:  # what is passed over here proves no gap to the next batch, and must be read again
                self._reads_on.pop(raw.partition, None)
                self._lost.add(raw.partition)
            await self._patiently(self._find_place)
            return
        self._moved_at = monotonic()
        moves = self._moves
        oldest_ms = _oldest(raw_batch)
        self._oldest_ms = oldest_ms | self._oldest_ms
        batch = await self._placed(raw_batch)
        reads = await self._read(batch)
        with self._metrics.phase("wait"):
            await self._finish()
        if self._is_void(moves):
            return
        self._oldest_ms |= oldest_ms
        if admitted := await self._admitted(reads, moves):
            self._in_hand = asyncio.create_task(self._record(admitted))

    async def _admitted(self, reads: Sequence[Read], moves: int) -> Sequence[Read]:
        """What of a batch is to be recorded: nothing that a circuit breaker holds back, to which we return."""
        stops = self.circuits.stops(reads)
        for stop in stops:
            await self._patiently(partial(self.circuits.stop, stop))
        if stops:
            await self._patiently(self.watch_circuits)
        if self._is_void(moves):
            return ()
        admitted, held_back = self.circuits.admitted(reads)
        for partition, offset in held_back.items():
            self._return_to(partition, offset)
        return admitted

    def _is_void(self, moves: int) -> bool:
        """Whether a batch that came when we had moved so often must not be recorded."""
        return self._stopped or bool(self._lost) or moves != self._moves

    def _went_back(self, raw_batch: Sequence[ConsumerRecord]) -> bool:
        """Whether the client began anew where the log begins, as it does when the log ends before our place."""
        return any(raw.offset < self._next_offsets.get(raw.partition, 0) for raw in raw_batch)

    async def _placed(self, batch: Sequence[ConsumerRecord]) -> list[Record]:
        """The batch, each record with how far back its fetch shows the log to be empty."""
        follows: dict[int, int] = {}
        placed: list[Record] = []
        moves = self._moves
        for raw in batch:
            if (reach := follows.get(raw.partition)) is None:
                reach = await self._reach(raw.partition, raw.offset)
            follows[raw.partition] = raw.offset + 1
            placed.append(Record.received(raw, reach))
        if not self._is_void(moves):
            self._reads_on |= follows
        return placed

    async def _reach(self, partition: int, offset: int) -> int:
        """A client that read on from somewhere, and found nothing before this offset, proves a gap.

        Unless the log begins later by now: then it skipped what was deleted.
        """
        start = self._reads_on.pop(partition, offset)
        if start == offset:
            return offset
        return start if (await self._log_starts([partition]))[partition] <= start else offset

    async def _read(self, batch: Sequence[Record]) -> list[Read]:
        with self._metrics.phase("decode"):
            return await read_in_turns(batch, self._settings.limits)

    async def _record(self, reads: Sequence[Read]) -> None:
        try:
            await self._record_or_return(reads)
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is
            self._fail(error)

    async def _record_or_return(self, reads: Sequence[Read]) -> None:
        try:
            await self._patiently(lambda: self._record_once(reads))
        except Misplaced as misplaced:
            log.warning("batch_misplaced", why=str(misplaced))
            self._lost = self._assigned()
            await self._patiently(self._find_place)

    def _fail(self, error: Exception) -> None:
        log.error("recorder_failed", exc_info=error)
        self._stopped = True
        self._on_bug()

    async def _record_once(self, reads: Sequence[Read]) -> None:
        with self._metrics.phase("record"):
            await record(
                self._store,
                reads,
                self._settings.dead_letter_topic,
                self._settings.command_policy,
                on_commit=self._committed,
            )

    def _committed(self, report: Report, reads: Sequence[Read]) -> None:
        oldest = report.oldest_occurred_at
        self._metrics.recorded(report, len(reads), None if oldest is None else time() - oldest.timestamp())
        for item, _ in reads:
            self._next_offsets[item.partition] = item.offset + 1
        counts = Counter({outcome.value: 0 for _, outcome in report.outcomes})
        for (_, outcome), count in report.outcomes.items():
            counts[outcome.value] += count
        log.info("batch_recorded", records=len(reads), executions=report.executions, **counts)

    async def _patiently(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Until it succeeds: what the infrastructure cannot do now is nobody's fault, and nothing is given up."""
        pause = 0.1
        while not self._stopped or pause == 0.1:
            try:
                with self._waiting("record"):
                    await attempt()
            except (StoreUnavailable, KafkaError) as error:
                log.warning("waiting", error=str(error), seconds=pause)
                self._metrics.retries.inc()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    @contextmanager
    def _waiting(self, who: str) -> Iterator[None]:
        """Show why the block could not do its work, until it can."""
        try:
            yield
        except (StoreUnavailable, KafkaError) as error:
            self._obstacles[who] = str(error) or repr(error)
            self._metrics.paused.set(1)
            raise
        self._obstacles.pop(who, None)
        self._metrics.paused.set(bool(self._obstacles))

    async def _finish(self) -> None:
        if (in_hand := self._in_hand) is not None:
            await in_hand
            if self._in_hand is in_hand:  # another who waited may have begun the next one
                self._in_hand = None
        if time() >= self._commit_due:
            await self._commit()

    async def _commit(self) -> None:
        self._commit_due = time() + _COMMIT_SECONDS
        assigned = self._assigned()
        offsets = {self._topic_partition(p): at for p, at in self._next_offsets.items() if p in assigned}
        if self._consumer is None or not offsets:
            return
        try:  # without its own limit the client would wait for an absent coordinator for ever
            await asyncio.wait_for(self._consumer.commit(offsets), _COMMIT_PATIENCE_SECONDS)
        except (KafkaError, TimeoutError) as error:  # the ledger knows better than Kafka
            log.warning("commit_failed", error=repr(error))

    async def _find_place(self) -> None:
        """Go to where the ledger stands in each lost partition, opening accounts and counting what is gone."""
        # Before it is our turn: who passed over a batch must seek again, whoever found the place.
        lost = set(self._lost)
        async with self._turn:  # two at once would count what is gone twice
            starts = await self._log_starts(lost)
            positions = await self._store.ledger.open(self._settings.events_topic, starts)
            await self._check_log(positions)
            await self.circuits.refresh(self._assigned())
            for partition, position in positions.items():
                if position < (start := starts[partition]):
                    missed = await self._store.ledger.miss(self._settings.events_topic, partition, start)
                    self._metrics.missed.inc(missed)
                    if missed:
                        log.error("records_missed", partition=partition, first=start - missed, upto=start)
                self._seek(partition, max(position, starts[partition]))
            self.circuits.forget(lost)
            self._pause_stopped()
            self._lost -= lost

    async def _check_log(self, positions: Mapping[int, int]) -> None:
        """What comes from another log would be passed over, or recorded on top of what came from the one we knew."""
        await self._check_ends(positions)
        await self._check_last(self._unverified & positions.keys())

    async def _check_ends(self, positions: Mapping[int, int]) -> None:
        ends = await self._offsets(AIOKafkaConsumer.end_offsets, positions)
        for partition, position in positions.items():
            if position > ends[partition]:
                raise StrangeLog(
                    f"the ledger of partition {partition} stands at {position}, but Kafka's log ends at "
                    f"{ends[partition]}: was the topic made anew, or is this another Kafka?"
                )

    async def _check_last(self, partitions: Set[int]) -> None:
        topic = self._settings.events_topic
        if known := await self._store.ledger.last_records(topic, partitions):
            async with KafkaLog.open(self._settings.kafka_options) as kafka:
                for partition, (offset, known_by) in known.items():
                    if not await kafka.is_known(topic, partition, offset, known_by):
                        raise StrangeLog(
                            f"the record at offset {offset} of partition {partition} is another than the one that was "
                            "recorded: was the topic made anew, or is this another Kafka? A topic that was made anew "
                            "needs a name of its own: EXECLEDGER_EVENTS_TOPIC"
                        )
        self._unverified -= partitions

    def _seek(self, partition: int, offset: int) -> None:
        if self._return_to(partition, offset):
            self._next_offsets[partition] = offset
            self._oldest_ms.pop(partition, None)

    def _return_to(self, partition: int, offset: int) -> bool:
        """Let the next fetch start there, if the partition is ours."""
        if self._consumer is None or partition not in self._assigned():
            return False
        self._consumer.seek(self._topic_partition(partition), offset)
        self._reads_on[partition] = offset
        self._moves += 1
        return True

    async def _log_starts(self, partitions: Iterable[int]) -> dict[int, int]:
        return await self._offsets(AIOKafkaConsumer.beginning_offsets, partitions)

    async def _offsets(self, ask: Callable[..., Awaitable[Any]], partitions: Iterable[int]) -> dict[int, int]:
        """In one question: each waits behind a fetch that finds nothing."""
        if self._consumer is None:
            raise StoreUnavailable("the consumer is not connected")
        offsets = await ask(self._consumer, [self._topic_partition(each) for each in sorted(partitions)])
        return {topic_partition.partition: int(offset) for topic_partition, offset in offsets.items()}

    def _is_level(self, partition: int, end: int, passed: int) -> bool:
        """Whether nothing waits. The client also passes over the markers that end a log of transactions."""
        if self._stopped or self._is_handling or (self._in_hand is not None and not self._in_hand.done()):
            return False
        return max(self._next_offsets[partition], passed) >= end

    @property
    def _consumer(self) -> AIOKafkaConsumer | None:
        return self._subscriber.consumer

    def _assigned(self) -> set[int]:
        return set() if self._consumer is None else {each.partition for each in self._consumer.assignment()}

    def _topic_partition(self, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.events_topic, partition)


def _oldest(raw_batch: Sequence[ConsumerRecord]) -> dict[int, int]:
    """The least Kafka timestamp of each partition: not the first record's, for producers' clocks differ.

    None is before 1970: producers say when, and a time before the calendar begins cannot be written down.
    """
    oldest: dict[int, int] = {}
    for raw in raw_batch:
        oldest[raw.partition] = min(max(raw.timestamp, 0), oldest.get(raw.partition, LATEST_MS))
    return oldest


async def _as_it_came(batch: Any) -> KafkaMessage:
    return KafkaMessage(raw_message=batch, body=b"", consumer=_NOBODY)


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    return message


class _Nobody:
    """Stands where FastStream expects a consumer to acknowledge with: we commit offsets ourselves."""

    async def commit(self) -> None:
        """Nothing: see Consumer._commit."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Nothing: see Consumer._seek."""


_NOBODY: Final = _Nobody()
