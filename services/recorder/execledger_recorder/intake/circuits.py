"""The partitions that are stopped because nearly all of their records are bad, and the look ahead that lets them go."""

import asyncio
from collections import Counter
from collections.abc import Sequence, Set
from time import monotonic
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from execledger_contracts.decoding import Decoded, Undecodable
from execledger_contracts.sources import named_source
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Read, Trust, read_in_turns
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import Found
from execledger_recorder.rules.circuit import LOOK, Breaker, Circuit, Look, Stop, accepting, is_mended
from execledger_recorder.rules.dead_letter import is_redriven
from execledger_recorder.rules.notices import Notices
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.kafka.log import KafkaLog

log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0  # of a probe for each partition; the next one goes on from there


class Circuits:
    """The circuit breakers of one recorder's partitions. Postgres knows of each, so that commands and restarts do."""

    def __init__(self, store: Store, trust: Trust, metrics: Metrics, settings: Settings) -> None:
        self._store = store
        self._trust = trust
        self._metrics = metrics
        self._settings = settings
        self._breakers: dict[TopicPartition, Breaker] = {}
        self._notices = Notices()
        self._turn = asyncio.Lock()

    @property
    def open(self) -> dict[TopicPartition, Circuit]:
        """The partitions that are held back."""
        return {id_: stopped for id_, breaker in self._breakers.items() if (stopped := breaker.stopped)}

    def look(self, partition: TopicPartition, reads: Sequence[Read]) -> Stop | None:
        """Whether this batch, and what came before it, say that the partition is to be stopped.

        What an operator sends once more says nothing of the producers: it stops nothing, however bad it still is.
        """
        if not any(type(found) is Undecodable for _, found in reads):
            reads = reads[-LOOK:]  # nothing of it can stop the partition, and no more is kept
        seen = (
            (record.offset, type(found) is Undecodable, _source(record, found))
            for record, found in reads
            if not record.event_index and (not record.headers or not is_redriven(record))
        )
        breaker = self._breaker(partition)
        stop = breaker.look(partition, seen)
        for source, records in Counter(breaker.spared).items():
            if self._notices.is_due(source or "", monotonic()):
                log.warning("source_is_bad", **partition._asdict(), source=source, dead_letters=records)
        return stop

    async def stop(self, stop: Stop) -> None:
        """Write down that a partition is stopped."""
        await self._store.circuits.open(stop)
        log.error(
            "circuit_opened",
            **stop._asdict(),
            do=f"mend the producer, or let it drain: {accepting(stop)}",
        )

    def admitted(self, partition: TopicPartition, reads: Sequence[Read]) -> tuple[Sequence[Read], int | None]:
        """The batch without what is held back; the first offset of that: it must be read again."""
        breaker = self._breaker(partition)
        if breaker.stopped is None:
            return reads, None
        admitted = [pair for pair in reads if not breaker.holds_back(pair[0].offset)]
        return admitted, reads[len(admitted)][0].offset if len(admitted) < len(reads) else None

    def forget(self, partition: TopicPartition) -> None:
        """It is read anew from somewhere: its latest records are no longer known."""
        self._breaker(partition).latest.clear()

    async def refresh(self, partitions: Set[TopicPartition]) -> None:
        """Look up which of our partitions are stopped."""
        async with self._turn:  # of two looks at once the older one could have the last word
            await self._refresh(partitions)

    async def _refresh(self, partitions: Set[TopicPartition]) -> None:
        topics = sorted({each.topic for each in partitions})
        known = {circuit.id: circuit for circuit in await self._store.circuits.read(topics)}
        stopped_before = self.open.keys()
        self._breakers = {id_: self._breaker(id_) for id_ in partitions}
        for id_, breaker in self._breakers.items():
            breaker.circuit = known.get(id_)
        stopped = self.open.keys()
        self._metrics.circuit_open.clear()  # one that was taken away is still ours until the group has settled
        for id_ in partitions:
            self._metrics.circuit_open.labels(*id_).set(id_ in stopped)
        for id_ in stopped_before & partitions - stopped:
            log.info("circuit_closed", **id_._asdict(), drain_until=self._breakers[id_].drain_until or None)
        if any(breaker.drain_until for breaker in self._breakers.values()):
            await self._store.circuits.forget_drained(topics)

    async def probe(self) -> None:
        """Look whether what is held back can be read by now, or what comes; then let go what came so far."""
        if not self.open:
            return
        async with KafkaLog.open(self._settings.kafka_options) as kafka:
            for circuit in self.open.values():
                await self._probe(kafka, circuit)

    def _breaker(self, partition: TopicPartition) -> Breaker:
        return self._breakers.setdefault(partition, Breaker())

    async def _probe(self, kafka: KafkaLog, circuit: Circuit) -> None:
        end = await kafka.end(*circuit.id)
        held, newest = [
            _look(await self._read(await kafka.records(*circuit.id, start, end, LOOK)))
            for start in (circuit.at_offset, max(0, end - LOOK))
        ]
        if is_mended(held, newest) or await self._sees_good(kafka, circuit, end):
            await self._store.circuits.drain(*circuit.id, end)

    async def _sees_good(self, kafka: KafkaLog, circuit: Circuit, end: int) -> bool:
        """Whether a source is good of those that came since the stop, as far as there is time to look."""
        ahead, began_at = self._breaker(circuit.id).look_ahead(circuit), monotonic()
        async for raw, position in kafka.pages(*circuit.id, ahead.position, end, LOOK):
            sent = [read for read in await self._read(raw) if not is_redriven(read[0])]
            if ahead.sees_good(_look(sent), position):
                return True
            if monotonic() - began_at > _LOOK_SECONDS:
                break
        return False

    async def _read(self, records: Sequence[ConsumerRecord]) -> Sequence[Read]:
        received = [Record.received(raw, raw.offset) for raw in records]
        return await self._trust.judge(
            await read_in_turns(received, self._settings.limits, self._settings.translations)
        )


def _look(reads: Sequence[Read]) -> Look:
    """What an operator sends once more shows no producer to be mended, however good it is."""
    return [(isinstance(found, Undecodable) or is_redriven(record), _source(record, found)) for record, found in reads]


def _source(record: Record, found: Found) -> str | None:
    return found.event.source if type(found) is Decoded else named_source(record.value, record.headers)
