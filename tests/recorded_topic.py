"""A topic with all kinds of records in it, and what was recorded of it: say only what matters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from conftest import Servers
from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import Trust, read, record
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.partition import TopicPartition as RecordedPartition
from execledger_recorder.store import Store
from execledger_runtime.kafka.bindings import Bindings
from factories_recorder import LETTERS, Row, record_of


@asynccontextmanager
async def producing(servers: Servers, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer."""
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers, **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def publish(
    producer: AIOKafkaProducer, topic: str, *values: Row | bytes | None, partition: int = 0, **said: Any
) -> None:
    """These values, in order, to one partition."""
    for value in values:
        await producer.send(topic, record_of(value).value, partition=partition, **{"key": b"key", **said})
    await producer.flush()


async def record_topic(store: Store, servers: Servers, topic: str, upto: Sequence[int] = ()) -> None:
    """Record what the topic holds, each partition from where the ledger stands; or up to those offsets."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap_servers, isolation_level="read_committed", fetch_max_wait_ms=50
    )
    trust = Trust(store, Bindings.read(""))
    await consumer.start()
    try:
        for partition in range(3):
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            start = (await consumer.beginning_offsets([place]))[place]
            position = (await store.ledger.open({RecordedPartition(*place): start}))[RecordedPartition(*place)]
            end = upto[partition] if upto else (await consumer.end_offsets([place]))[place]
            if records := await _records(consumer, place, position, end):
                await record(store, await trust.judge(read(records, Limits())), LETTERS)
    finally:
        await consumer.stop()


async def _records(consumer: AIOKafkaConsumer, place: TopicPartition, position: int, end: int) -> list[Record]:
    consumer.seek(place, position)
    found: list[Record] = []
    while await consumer.position(place) < end:
        for raw in (await consumer.getmany(place, timeout_ms=500)).get(place, ()):
            facts = (raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.headers, raw.value, position)
            found.append(Record(*facts))
    return [each for each in found if each.offset < end]
