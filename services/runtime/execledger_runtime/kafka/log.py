"""Kafka's log, read by the way: for audits and looks ahead; nothing is decoded or committed."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, Self, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaTimeoutError

from execledger_runtime.kafka.batches import tolerate
from execledger_runtime.kafka.fetching import bound
from execledger_runtime.kafka.records import Extent, Stretch, digest

Kept = TypeVar("Kept")

_STRETCH: Final = 50_000  # offsets held in memory at once, as many of the tables'
_PATIENCE_SECONDS: Final = 60.0
_FETCH_BYTES: Final = 8 * 1024 * 1024


class KafkaLog:
    """The log of Kafka's partitions, by a consumer that belongs to no group and reads what is committed."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka_options: Mapping[str, Any]) -> AsyncIterator[Self]:
        """Connect for as long as the block lasts. Raises KafkaError, as the reading does."""
        tolerate()
        bound()
        consumer = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=100,  # at the end of a log the next partition waits for this fetch
            **kafka_options,
        )
        admin = AIOKafkaAdminClient(**kafka_options)
        try:
            await consumer.start()
            await admin.start()
            yield cls(consumer, admin)
        finally:
            await admin.close()
            await consumer.stop()

    async def extent(self, topic: str, partition: int) -> Extent | None:
        """From where to where the log reaches; None when there is no such partition."""
        [described] = await self._admin.describe_topics([topic])
        if partition not in {each["partition"] for each in described["partitions"]}:
            return None
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        ends = await self._consumer.end_offsets([place])
        return Extent(await self._start(place), ends[place], await self._is_compacted(topic))

    async def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record that may be read."""
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        return int((await self._consumer.end_offsets([place]))[place])

    async def records(self, topic: str, partition: int, start: int, end: int, most: int) -> list[ConsumerRecord]:
        """The first so many records that the log holds from one offset up to another."""
        async for page, _ in self.pages(topic, partition, start, end, most):
            return page
        return []

    async def pages(
        self, topic: str, partition: int, start: int, end: int, most: int
    ) -> AsyncIterator[tuple[list[ConsumerRecord], int]]:
        """The records from one offset up to another, so many at once, each time with the offset behind them."""
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        if start < end:
            self._consumer.seek(place, start)
        while start < end:
            records, start = await self._collect(place, end, most, lambda record: record)
            yield records, start

    async def find(self, topic: str, partition: int, offset: int) -> ConsumerRecord | None:
        """The record at an offset; None when the log does not hold it, or there is no such partition."""
        extent = await self.extent(topic, partition)
        if extent is None or not extent.start <= offset < extent.end:
            return None
        found = await self.records(topic, partition, offset, offset + 1, 1)
        return found[0] if found else None

    async def is_known(self, topic: str, partition: int, offset: int, known_by: bytes) -> bool:
        """Whether the record at an offset is the one with that digest; so it may have been, when the log lacks it."""
        records = await self.records(topic, partition, offset, offset + 1, 1)
        return all(digest(raw.key, raw.value, raw.timestamp) == known_by for raw in records)

    async def stretches(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Stretch]:
        """What the log holds from one offset up to another, some thousand offsets at once."""
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        if start < end:
            self._consumer.seek(place, start)
        while start < end:
            offsets, reached = await self._collect(place, end, _STRETCH, lambda record: int(record.offset))
            # Asked after the reading: what retention deleted meanwhile was skipped, and is not missing.
            yield Stretch(start, reached, offsets, whole_from=await self._start(place))
            start = reached

    async def _collect(
        self, place: TopicPartition, end: int, most: int, keep: Callable[[ConsumerRecord], Kept]
    ) -> tuple[list[Kept], int]:
        kept: list[Kept] = []
        position, moved_at = await self._consumer.position(place), monotonic()
        while position < end and len(kept) < most:
            batch = await self._consumer.getmany(place, timeout_ms=1000, max_records=most - len(kept))
            kept += [keep(record) for record in batch.get(place, ()) if record.offset < end]
            before, position = position, await self._consumer.position(place)
            if position != before:
                moved_at = monotonic()
            elif monotonic() - moved_at > _PATIENCE_SECONDS:
                raise KafkaTimeoutError(f"{place.topic}/{place.partition} cannot be read beyond offset {position}")
        return kept, min(position, end)

    async def _start(self, place: TopicPartition) -> int:
        starts = await self._consumer.beginning_offsets([place])
        return int(starts[place])

    async def _is_compacted(self, topic: str) -> bool:
        """Whether records vanish from within the log, too. Not, when we may not know."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"cleanup.policy": None})
        responses: list[Any] = await self._admin.describe_configs([resource])
        return any(
            "compact" in str(entry[1])
            for response in responses
            for _code, _message, _type, _name, entries in response.resources
            for entry in entries
        )
