"""A recorder as a process, its surroundings, and what it made of them."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from conftest import Servers, Topics
from execledger.stack import broker
from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import read, record
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.ledger import LedgerRow
from execledger_recorder.rules.partition import TopicPartition as RecordedPartition
from execledger_recorder.store import Store
from factories_recorder import LETTERS, Row, assert_balanced, chance, history, snapshot
from running import Service, eventually, recorder

_OFFSETS = """
SELECT partition, "offset" FROM execledger.execution_events
UNION ALL SELECT partition, "offset" FROM execledger.duplicates
UNION ALL SELECT partition, "offset" FROM execledger.dead_letters
UNION ALL SELECT partition, "offset" FROM execledger.unlogged_records WHERE recorded_at IS NOT NULL
"""
Sent = tuple[bytes | None, list[tuple[str, bytes]], bytes | None]
"""Value, headers, key."""


class Bench:
    """A recorder's surroundings: servers, topics, its database; what it is told and what it wrote."""

    def __init__(self, servers: Servers, topics: Topics, dsn: str, folder: Path) -> None:
        self.servers = servers
        self.topics = topics
        self.dsn = dsn
        self.folder = folder

    @property
    def settings(self) -> dict[str, object]:
        return self.topics.settings(self.servers, self.dsn) | {"usage_interval_seconds": 0.2}

    @asynccontextmanager
    async def recorder(self, *, ready: bool = True, **settings: object) -> AsyncIterator[Service]:
        async with recorder(self.folder, ready=ready, **{**self.settings, **settings}) as service:
            yield service

    async def publish(self, *sent: Row | Sent, partition: int | None = None) -> None:
        """Events, or records as they are, to the partition of their subject unless one is named."""
        async with producing(self.servers) as producer:
            await publish(producer, self.topics.events, sent, partition)

    async def ledger(self) -> list[LedgerRow]:
        async with Store(self.dsn) as store:
            return [row for row in await store.ledger.read() if row.topic == self.topics.events]

    async def visible(self) -> list[Any]:
        """Every record that Kafka shows to who reads what was committed."""
        return await committed(self.servers, self.topics.events)

    async def until_recorded(self) -> None:
        """Until each visible record lies behind the ledger, and daily usage is up to date."""
        ends = {record.partition: record.offset + 1 for record in await self.visible()}

        async def is_level() -> bool:
            positions = {row.partition: row.next_offset for row in await self.ledger()}
            return all(positions.get(partition, 0) >= end for partition, end in ends.items())

        await eventually(is_level)
        await eventually(self._has_no_usage_marks)

    async def assert_every_record_is_accounted_for(self) -> None:
        """Each visible record has one outcome, at its offset, and nothing else has."""
        visible = Counter((record.partition, record.offset) for record in await self.visible())
        async with connected(self.dsn) as connection:
            await assert_balanced(connection)
            found = await connection.fetch(_OFFSETS)
        assert Counter((row["partition"], row["offset"]) for row in found) == visible
        assert sum(row.unaccounted for row in await self.ledger()) == 0

    async def undisturbed(self, dsn: str) -> dict[str, list[Row]]:
        """What a recorder that nothing happens to makes of the same records, in one batch."""
        visible = await self.visible()
        records = [Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.headers, r.value, 0) for r in visible]
        async with Store(dsn) as store, connected(dsn) as connection:
            await store.ledger.open({RecordedPartition(self.topics.events, number): 0 for number in range(3)})
            await record(store, read(records, Limits()), LETTERS)
            while await store.usage.recompute():
                pass
            return await snapshot(connection)

    async def recorded(self) -> dict[str, list[Row]]:
        async with connected(self.dsn) as connection:
            return await snapshot(connection)

    async def committed_offsets(self) -> dict[int, int]:
        async with broker.admin(self.servers.bootstrap_servers) as client:
            offsets = await client.list_consumer_group_offsets(self.topics.group)
        return {place.partition: said.offset for place, said in offsets.items() if place.topic == self.topics.events}

    async def _has_no_usage_marks(self) -> bool:
        async with connected(self.dsn) as connection:
            return not await connection.fetchval("SELECT EXISTS (SELECT FROM execledger.usage_marks)")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def producing(servers: Servers, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer; what it sends again after an error lies once in the log."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.bootstrap_servers,
        max_request_size=4_000_000,
        **{"enable_idempotence": True, "linger_ms": 2, **options},
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def publish(
    producer: AIOKafkaProducer, topic: str, sent: Sequence[Row | Sent], partition: int | None = None
) -> None:
    for item in sent:
        value, headers, key = (
            (json.dumps(item).encode(), [], item["subject"].encode()) if isinstance(item, dict) else item
        )
        if value is None and key is None:
            empty = producer.create_batch()
            empty.append(key=None, value=None, timestamp=None, headers=headers)
            await producer.send_batch(empty, topic, partition=partition or 0)
        else:
            await producer.send(topic, value, key=key, headers=headers, partition=partition)
    await producer.flush()


async def committed(servers: Servers, topic: str) -> list[Any]:
    """Every record of committed transactions, and of none."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap_servers, isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(batch)
        return records
    finally:
        await consumer.stop()


def many(executions: int) -> list[Row]:
    """Histories of many executions, interleaved."""
    events = [{**said, "subject": f"{said['subject']}-{n}"} for n in range(executions) for said in history()]
    chance(5).shuffle(events)
    return events


async def delete_before(bench: Bench, *, partition: int, offset: int) -> None:
    place = TopicPartition(bench.topics.events, partition)
    client = AIOKafkaAdminClient(bootstrap_servers=bench.servers.bootstrap_servers)
    await client.start()
    try:
        await client.delete_records({place: RecordsToDelete(before_offset=offset)})
    finally:
        await client.close()
