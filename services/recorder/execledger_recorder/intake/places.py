"""Where to read on: where the ledger stands, whatever offsets Kafka remembers."""

import asyncio
from collections.abc import Collection, Mapping

import structlog

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.partition import Partition, Place, TopicPartition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.errors import LogReplaced
from execledger_runtime.kafka.log import KafkaLog

log = structlog.get_logger()


class Places:
    """Takes partitions to their places in the ledger."""

    def __init__(self, client: Client, store: Store, circuits: Circuits, metrics: Metrics, settings: Settings) -> None:
        self._client = client
        self._store = store
        self._circuits = circuits
        self._metrics = metrics
        self._settings = settings
        self._turn = asyncio.Lock()

    async def seek_to_ledger(self, partitions: Collection[Partition]) -> None:
        """Read on where the ledger of each stands that is lost, opening accounts and counting what is gone.

        Raises MustWait and KafkaError; LogReplaced when Kafka's log of one is another than the ledger's, once the
        others have their places: else one topic that was made anew would hide what is to be seen of all.
        """
        async with self._turn:  # two at once would count what is gone twice
            lost = {each.id: each for each in partitions if each.is_lost}
            if not lost:
                return
            starts = await self._client.starts(lost)
            positions = await self._store.ledger.open(starts)
            skips = await self._store.ledger.skips(lost)
            replaced = await self._replaced(positions, lost)
            await self._circuits.refresh(self._client.assigned())
            for id_, partition in lost.items():
                if id_ in replaced:
                    continue
                await self._miss(id_, positions[id_], starts[id_])
                partition.skips = skips.get(id_, frozenset())
                self._seek(partition, max(positions[id_], starts[id_]))
                self._circuits.forget(id_)
            self._client.hold_back(self._circuits.open.keys())
            if replaced:
                raise LogReplaced(next(iter(replaced.values())))

    async def watch_circuits(self) -> None:
        """Stop and go on with partitions as Postgres says."""
        await self._circuits.refresh(self._client.assigned())
        self._client.hold_back(self._circuits.open.keys())

    def return_to(self, partition: Partition, offset: int) -> None:
        """Read again from an offset, if the partition is ours."""
        if self._client.seek(partition.id, offset):
            partition.return_to(offset)

    async def _miss(self, id_: TopicPartition, position: int, start: int) -> None:
        if position < start and (missed := await self._store.ledger.miss(*id_, start)):
            self._metrics.missed.inc(missed)
            log.error("records_missed", **id_._asdict(), first=start - missed, upto=start)

    def _seek(self, partition: Partition, offset: int) -> None:
        if self._client.seek(partition.id, offset):
            partition.find(offset)

    async def _replaced(
        self, positions: Mapping[TopicPartition, int], lost: Mapping[TopicPartition, Partition]
    ) -> dict[TopicPartition, str]:
        """What comes from another log would be passed over, or recorded on top of what came from the one we knew."""
        ends = await self._client.ends(positions)
        beyond = {
            id_: f"the ledger of partition {id_} stands at {position}, but Kafka's log ends at {ends[id_]}: "
            "was the topic made anew, or is this another Kafka?"
            for id_, position in positions.items()
            if position > ends[id_]
        }
        unverified = {id_ for id_ in positions if lost[id_].place is Place.UNVERIFIED}
        return beyond | await self._unknown(unverified - beyond.keys())

    async def _unknown(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, str]:
        if not (known := await self._store.ledger.last_records(partitions)):
            return {}
        async with KafkaLog.open(self._settings.kafka_options) as kafka:
            return {
                id_: f"the record at offset {offset} of partition {id_} is another than the one that was "
                "recorded: was the topic made anew, or is this another Kafka? A topic that was made anew "
                "needs a name of its own: EXECLEDGER_EVENTS_TOPIC, EXECLEDGER_TOPIC_TENANTS"
                for id_, (offset, known_by) in known.items()
                if not await kafka.is_known(*id_, offset, known_by)
            }
