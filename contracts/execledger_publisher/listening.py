"""From Kafka's control topic to whoever is told. With `delivery`, the only module that knows Kafka.

The consumer belongs to no group, as every process must see every command, and keeps its offsets in memory. They are
pinned at the end of each partition before the first event is sent: nobody can command what nobody has heard of, so
from there on no command is missed. A partition or topic that is made later is read from its beginning.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from execledger_publisher.cancelling import is_cancelled
from execledger_publisher.drops import log
from execledger_publisher.outages import Outage

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

SECONDS_TO_PIN: Final = 5.0  # half of a publisher's default close_timeout, so that what it held is still delivered
SECONDS_TO_STOP: Final = 5.0
LONGEST_BACKOFF: Final = 5.0
_POLL_MS: Final = 500
_METADATA_SECONDS: Final = 30  # after which new partitions are noticed, unless the options say otherwise

Hear = Callable[[bytes | None], None]


class Listener:
    """Hands every record of a topic on while `run` runs. Lives in one event loop."""

    def __init__(self, topic: str, hear: Hear, kafka_options: Mapping[str, Any]) -> None:
        self._topic = topic
        self._hear = hear
        self._kafka_options = {"metadata_max_age_ms": _METADATA_SECONDS * 1000, **kafka_options}
        self._offsets: dict[int, int] | None = None  # of each partition the next to read; None until they are pinned
        self._is_ready = asyncio.Event()
        self._outage = Outage(log.warning, f"Cannot listen to {topic}")

    async def ready(self) -> None:
        """Wait until no command can be missed any more, but no longer than SECONDS_TO_PIN: the events must go out."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_PIN):
                await self._is_ready.wait()
        if not self._is_ready.is_set():
            self._is_ready.set()
            log.warning("Not listening to %s yet: commands may be missed until it can be read", self._topic)

    async def run(self) -> None:
        """Listen until cancelled, whatever happens in between."""
        failures = 0
        while True:
            try:
                async with self._connected() as consumer:
                    while True:
                        await self._read(consumer)
                        self._outage.is_over()
                        failures = 0
            except Exception as error:  # noqa: BLE001 - whatever ails the client, the orchestrator goes on
                if is_cancelled():  # while the client was closed, which swallows it
                    return
                self._outage.goes_on(f"{type(error).__name__}: {error}")
                await asyncio.sleep(min(LONGEST_BACKOFF, 0.25 * 2 ** min(failures, 10)))
                failures += 1

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = self._new_consumer()
        try:
            await consumer.start()
            await self._find(consumer)
            await self._take_position(consumer)
            yield consumer
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_TO_STOP):
                    await consumer.stop()

    def _new_consumer(self) -> AIOKafkaConsumer:
        from aiokafka import AIOKafkaConsumer  # here, as it doubles the time to import the SDK

        known = inspect.signature(AIOKafkaConsumer).parameters
        options = {name: value for name, value in self._kafka_options.items() if name in known}
        return AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **options,
        )

    async def _find(self, consumer: AIOKafkaConsumer) -> None:
        """Make the topic known to the consumer. One that is not there yet will be read from its beginning."""
        from aiokafka import TopicPartition

        if self._topic not in await consumer.topics():
            self._pin({})
            raise LookupError(f"there is no topic {self._topic}, or it may not be read")
        first = TopicPartition(self._topic, 0)
        consumer.assign([first])
        await consumer.end_offsets([first])  # for what it does besides: it waits until the partitions are known

    async def _take_position(self, consumer: AIOKafkaConsumer) -> None:
        """Read every partition, each from where it is to be read next."""
        from aiokafka import TopicPartition

        places = [TopicPartition(self._topic, number) for number in consumer.partitions_for_topic(self._topic)]
        consumer.assign(places)
        if self._offsets is None:
            ends = await consumer.end_offsets(places)
            self._pin({place.partition: end for place, end in ends.items()})
        for place in places:
            if (offset := self._offset(place.partition)) is not None:
                consumer.seek(place, offset)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        for place, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
            for record in records:
                self._hear(record.value)
            if self._offsets is not None:
                self._offsets[place.partition] = records[-1].offset + 1
        known = consumer.partitions_for_topic(self._topic) or set()
        if known - {place.partition for place in consumer.assignment()}:
            await self._take_position(consumer)

    def _offset(self, partition: int) -> int | None:
        return None if self._offsets is None else self._offsets.get(partition)

    def _pin(self, offsets: dict[int, int]) -> None:
        if self._offsets is None:
            self._offsets = offsets
            self._is_ready.set()
