"""What is attacked: servers of its own, a recorder and a query service; and what they take meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console

from execledger import stack
from factories_query import SECRET, bearing
from running import Service, query, recorder
from torture.system import connected

TOPIC = "executions.events"
PLACES = [TopicPartition(TOPIC, partition) for partition in range(3)]
_BEAT_SECONDS = 0.5
_PATIENCE_SECONDS = 120


def event(type_: str = "execution.started", data: Any = None, **attributes: Any) -> dict[str, Any]:
    """An event of now, of the attacker unless something else is said."""
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "urn:attacker",
        "type": type_,
        "subject": f"attack-{uuid4()}",
        "time": datetime.now(UTC).isoformat(),
        **({} if data is None else {"data": data}),
        **attributes,
    }


@dataclass(slots=True)
class Site:
    """The running services, and how to reach and to hurt them."""

    bootstrap_servers: str
    dsn: str
    recorder: Service
    query: Service
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    headers: dict[str, str] = field(default_factory=lambda: bearing("mallory", "default", "reader", "payloads"))

    async def send(self, *values: Any, partition: int | None = 0, **said: Any) -> None:
        """Publish events, or bytes as they are, and wait until the broker has them."""
        encoded = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        sent = [await self.producer.send(TOPIC, value, partition=partition, **said) for value in encoded]
        await asyncio.gather(*sent)

    async def send_compressed(self, value: bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Publish one record that is small on the wire, and large when it is read."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, compression_type="gzip", max_request_size=2**29, acks="all"
        )
        await producer.start()
        try:
            await producer.send_and_wait(TOPIC, value, partition=0, headers=headers or [])
        finally:
            await producer.stop()

    async def until_recorded(self) -> float:
        """Wait until the ledger stands where Kafka ends now; how many seconds that took."""
        began = monotonic()
        ends = await self._ends()
        while monotonic() - began < _PATIENCE_SECONDS:
            rows = await self.rows("SELECT partition, next_offset FROM execledger.ledger WHERE topic = $1", TOPIC)
            positions = {row["partition"]: row["next_offset"] for row in rows}
            if all(positions.get(place.partition, 0) >= end for place, end in ends.items()):
                return monotonic() - began
            assert self.recorder.process.poll() is None, f"the recorder ended: {self.recorder.log}"
            await asyncio.sleep(0.05)
        raise AssertionError(f"not recorded in {_PATIENCE_SECONDS} s: {self.recorder.log}")

    async def rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask Postgres as its superuser."""
        async with connected(self.dsn) as connection:
            return await connection.fetch(statement, *arguments)

    async def _ends(self) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await self.consumer.end_offsets(PLACES)
        return ends


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    """Everything up; everything down and deleted when the block is left."""
    async with AsyncExitStack() as cleanup:
        data = folder / "servers"
        cleanup.push_async_callback(asyncio.to_thread, stack.delete, data)
        endpoints = await asyncio.to_thread(stack.up, data, console=Console(quiet=True))
        brokers, dsn = endpoints.bootstrap_servers, endpoints.postgres_dsn
        settings: dict[str, Any] = {"kafka_bootstrap_servers": brokers, "postgres_dsn": dsn}
        recording = await cleanup.enter_async_context(recorder(folder, **settings))
        asked = await cleanup.enter_async_context(query(folder, jwt_secret=SECRET, **settings))
        producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", max_request_size=2**24)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        consumer = AIOKafkaConsumer(bootstrap_servers=brokers)
        await consumer.start()
        cleanup.push_async_callback(consumer.stop)
        yield Site(brokers, dsn, recording, asked, producer, consumer)


@dataclass(slots=True)
class Watch:
    """What a good neighbour meets, and what the services take, while the block of `watching` lasts."""

    latest_seconds: float = 0.0  # from publishing an event of another producer to its row
    slowest_health: float = 0.0
    unhealthy: list[str] = field(default_factory=list)

    def take(self) -> tuple[float, float]:
        """The worst since it was last asked: seconds until recorded, seconds until /healthz answered."""
        worst = self.latest_seconds, self.slowest_health
        self.latest_seconds = self.slowest_health = 0.0
        return worst


@asynccontextmanager
async def watching(attacked: Site) -> AsyncIterator[Watch]:
    """A neighbour publishes to each partition and looks for its rows; both services are asked whether they live."""
    watch = Watch()
    tasks = [asyncio.create_task(work(attacked, watch)) for work in (_be_a_neighbour, _ask_for_health)]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                raise done


async def _be_a_neighbour(attacked: Site, watch: Watch) -> None:
    waiting: dict[str, float] = {}
    async with connected(attacked.dsn) as connection:
        while True:
            for partition in range(3):
                good = event(source="urn:neighbour", subject=f"good-{uuid4()}")
                await attacked.send(good, partition=partition)
                waiting[good["subject"]] = monotonic()
            await asyncio.sleep(_BEAT_SECONDS)
            found = await connection.fetch(
                "SELECT external_id FROM execledger.executions WHERE external_id = ANY ($1)", list(waiting)
            )
            now = monotonic()
            recorded = [now - waiting.pop(row["external_id"]) for row in found]
            watch.latest_seconds = max([watch.latest_seconds, *recorded, *(now - at for at in waiting.values())])


async def _ask_for_health(attacked: Site, watch: Watch) -> None:
    while True:
        for service in (attacked.recorder, attacked.query):
            try:
                watch.slowest_health = max(watch.slowest_health, await asyncio.to_thread(health_seconds, service))
            except OSError as error:
                watch.unhealthy.append(f"{service.log.name}: {error!r}")
        await asyncio.sleep(_BEAT_SECONDS)


def health_seconds(service: Service) -> float:
    """How long it takes to say that it lives; asked in a thread, for the attacker keeps its own loop busy."""
    began = monotonic()
    with urlopen(f"{service.address}/healthz", timeout=10) as answer:  # noqa: S310  # our own service
        answer.read()
    return monotonic() - began
