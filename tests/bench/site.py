"""Where a measurement is made: a database and topics of its own, and records that wait there to be read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaProducer

from bench.events import Sent
from bench.meters import Meters
from execledger.stack import broker
from execledger.stack.database import with_database
from execledger.stack.settings import StackSettings

_TRANSACTION_MS = 900_000  # as long as brokers allow by default
_AT_ONCE = 5_000
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Servers:
    """Kafka and Postgres, a superuser's DSN, and a migrated database to copy others from."""

    bootstrap_servers: str
    postgres_dsn: str
    template: str
    folder: Path
    partitions: int = 4
    settings: Mapping[str, object] = field(default_factory=dict)
    """What recorders are told besides, by name of the variable."""

    @property
    def meters(self) -> Meters:
        """Of both servers."""
        kafka_port = int(self.bootstrap_servers.rpartition(":")[2])
        return Meters.of(kafka_port, urlsplit(self.postgres_dsn).port or 5432)


@dataclass(frozen=True, slots=True)
class Site:
    """A database and topics that no other measurement knows."""

    servers: Servers
    dsn: str
    mark: str

    @property
    def topic(self) -> str:
        """Where events are published."""
        return f"{self.mark}.events"

    @property
    def group(self) -> str:
        """Of the recorders."""
        return self.mark

    @property
    def settings(self) -> dict[str, object]:
        """Of a recorder that works here."""
        return {
            **self.servers.settings,
            "kafka_bootstrap_servers": self.servers.bootstrap_servers,
            "postgres_dsn": self.dsn,
            "events_topic": self.topic,
            "dead_letter_topic": f"{self.mark}.dead-letter",
            "control_topic": f"{self.mark}.control",
            "consumer_group": self.group,
        }


@asynccontextmanager
async def site(servers: Servers) -> AsyncIterator[Site]:
    """A site at which nothing was recorded yet."""
    async with database(servers) as dsn:
        yield await topics(servers, dsn)


@asynccontextmanager
async def database(servers: Servers) -> AsyncIterator[str]:
    """The DSN of a migrated database, dropped when the block is left."""
    name = f"bench_{token_hex(6)}"
    async with connected(servers.postgres_dsn) as connection:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{servers.template}"')
        try:
            yield with_database(servers.postgres_dsn, name)
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def topics(servers: Servers, dsn: str) -> Site:
    """New topics for a database."""
    here = Site(servers, dsn, f"bench-{token_hex(6)}")
    settings = StackSettings(
        events_topic=here.topic,
        dead_letter_topic=str(here.settings["dead_letter_topic"]),
        control_topic=str(here.settings["control_topic"]),
        events_partitions=servers.partitions,
    )
    await broker.make_topics(servers.bootstrap_servers, broker.wanted_topics(settings))
    return here


@asynccontextmanager
async def held(here: Site, records: Sequence[Sent]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Records that nobody sees until the function is called: all of a transaction that is still open.

    So recorders can join, be given their partitions and wait, and the broker has nothing more to take while they read.
    """
    async with producing(
        here.servers, transactional_id=here.mark, transaction_timeout_ms=_TRANSACTION_MS, max_batch_size=262_144
    ) as producer:
        await producer.begin_transaction()
        for first in range(0, len(records), _AT_ONCE):
            sent = [await producer.send(here.topic, value, key=key) for key, value in records[first : first + _AT_ONCE]]
            await asyncio.gather(*sent)
        yield producer.commit_transaction


@asynccontextmanager
async def producing(servers: Servers, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for the broker's word."""
    settings = {"acks": "all", "linger_ms": 5, "max_request_size": _LARGEST_BYTES, **options}
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers, **settings)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
