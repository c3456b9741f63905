"""The partitions that are stopped because nearly all of their records are bad, and the look ahead that lets them go."""

import asyncio
from collections.abc import Iterable, Sequence, Set

import structlog
from aiokafka import ConsumerRecord

from execledger_contracts.decoding import Undecodable
from execledger_recorder.intake.kafka_log import KafkaLog
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Read, read_in_turns
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.circuit import LOOK, Latest, Stop, is_mended, stops
from execledger_recorder.rules.dead_letter import is_redriven
from execledger_recorder.settings import Settings
from execledger_recorder.store import Circuit, Store

log = structlog.get_logger()


class Circuits:
    """The circuit breakers of one recorder's partitions. Postgres knows of each, so that commands and restarts do."""

    def __init__(self, store: Store, metrics: Metrics, settings: Settings) -> None:
        self.open: dict[int, Circuit] = {}
        self._store = store
        self._metrics = metrics
        self._settings = settings
        self._topic = settings.events_topic
        self._drained: dict[int, int] = {}
        self._latest: dict[int, Latest] = {}
        self._turn = asyncio.Lock()

    def stops(self, reads: Iterable[Read]) -> list[Stop]:
        """The partitions that this batch, and what came before it, say are to be stopped.

        What an operator sends once more says nothing of the producers: it stops nothing, however bad it still is.
        """
        seen = (
            (record.partition, record.offset, isinstance(found, Undecodable))
            for record, found in reads
            if not is_redriven(record)
        )
        return list(stops(self._latest, seen, self._drained).values())

    async def stop(self, stop: Stop) -> None:
        """Write down that a partition is stopped."""
        await self._store.circuits.open(self._topic, stop)
        log.error(
            "circuit_opened",
            **stop._asdict(),
            do=f"mend the producer, or let it drain: execledger dead-letters accept {stop.partition}",
        )

    def admitted(self, reads: Sequence[Read]) -> tuple[Sequence[Read], dict[int, int]]:
        """The batch without what is held back; the first offset of that by partition: it must be read again."""
        if not self.open:
            return reads, {}
        admitted: list[Read] = []
        held_back: dict[int, int] = {}
        for record, found in reads:
            circuit = self.open.get(record.partition)
            if circuit is None or record.offset < circuit.at_offset:
                admitted.append((record, found))
            else:
                held_back.setdefault(record.partition, record.offset)
        return admitted, held_back

    def forget(self, partitions: Iterable[int]) -> None:
        """These are read anew from somewhere: their latest records are no longer known."""
        for partition in partitions:
            self._latest.pop(partition, None)

    async def refresh(self, partitions: Set[int]) -> None:
        """Look up which of our partitions are stopped."""
        async with self._turn:  # of two looks at once the older one could have the last word
            await self._refresh(partitions)

    async def _refresh(self, partitions: Set[int]) -> None:
        circuits = [
            circuit for circuit in await self._store.circuits.read(self._topic) if circuit.partition in partitions
        ]
        self.open, before = {each.partition: each for each in circuits if each.drain_until is None}, self.open
        self._drained = {each.partition: each.drain_until for each in circuits if each.drain_until is not None}
        self._metrics.circuit_open.clear()  # one that was taken away is still ours until the group has settled
        for partition in partitions:
            self._metrics.circuit_open.labels(partition).set(partition in self.open)
        for partition in before.keys() & partitions - self.open.keys():
            log.info("circuit_closed", partition=partition, drain_until=self._drained.get(partition))
        if self._drained:
            await self._store.circuits.forget_drained(self._topic)

    async def probe(self) -> None:
        """Look whether what is held back can be read by now, or what comes; then let go what came so far."""
        if not self.open:
            return
        async with KafkaLog.open(self._settings.kafka_options) as kafka:
            for circuit in list(self.open.values()):
                await self._probe(kafka, circuit)

    async def _probe(self, kafka: KafkaLog, circuit: Circuit) -> None:
        end = await kafka.end(self._topic, circuit.partition)
        held, newest = [
            await self._are_bad(await kafka.records(self._topic, circuit.partition, start, end, LOOK))
            for start in (circuit.at_offset, max(0, end - LOOK))
        ]
        if is_mended(held, newest):
            await self._store.circuits.drain(self._topic, circuit.partition, end)

    async def _are_bad(self, records: Sequence[ConsumerRecord]) -> list[bool]:
        """What an operator sends once more shows no producer to be mended, however good it is."""
        received = [Record.received(raw, raw.offset) for raw in records]
        looked_at = await read_in_turns(received, self._settings.limits)
        return [isinstance(found, Undecodable) or is_redriven(record) for record, found in looked_at]
