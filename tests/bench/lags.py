"""How long it takes until what was published is recorded, and until it is readable over HTTP."""

import asyncio
import time
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import asyncpg
import httpx2
import jwt
from aiokafka import AIOKafkaProducer

from bench.events import EVENTS_AN_EXECUTION, Sent, Story, beginning, chance, mix
from bench.figures import Lone, Sending, Sight, Steady, lags
from bench.meters import Cores
from bench.site import Site, connected, producing
from running import Service, query

_TICK_SECONDS = 0.01
_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0
_SECRET = "a secret of a service that lives for a minute"
_LONE_TENANT = "tenant-lone"
_POSITIONS = "SELECT partition, next_offset FROM execledger.ledger WHERE topic = $1"


async def steady(here: Site, recorder: Service, rate: float, seconds: float, cores: Cores) -> Steady:
    """Publish so many events a second for so long, and see when each is behind the ledger, where nothing is yet."""
    wanted = max(1, int(rate * seconds))
    records = list(islice(mix(wanted // EVENTS_AN_EXECUTION + 1, datetime.now(UTC), seed=11), wanted))
    meters, pids = here.servers.meters, [recorder.process.pid]
    async with connected(here.dsn) as connection, producing(here.servers) as producer:
        obtained = await cores.obtained()
        before = meters.read(pids)
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(look(here, wanted, seconds + _PATIENCE_SECONDS, connection))
            publishing = group.create_task(publish(producer, here.topic, records, rate))
        after = meters.read(pids)
    published_in, sent = publishing.result()
    seen = lags(await placed(sent), looking.result())
    return Steady(
        asked_rate=rate,
        rate=wanted / published_in,
        seconds=published_in,
        lags=seen,
        unseen=wanted - len(seen),
        cores_obtained=obtained,
        cores_free=after.free_since(before),
        spent=after.spent.since(before.spent),
    )


async def publish(
    producer: AIOKafkaProducer, topic: str, records: list[Sent], rate: float
) -> tuple[float, list[tuple[float, Future[Any]]]]:
    """At that rate, some in each hundredth of a second; how many seconds it took."""
    began = time.perf_counter()
    sent: list[tuple[float, Future[Any]]] = []
    while len(sent) < len(records):
        now = time.perf_counter()
        due = min(len(records), int((now - began) * rate) + 1)
        for key, value in records[len(sent) : due]:
            sent.append((time.perf_counter(), await producer.send(topic, value, key=key)))
        await asyncio.sleep(_TICK_SECONDS)
    await producer.flush()
    return time.perf_counter() - began, sent


async def placed(sent: list[tuple[float, Future[Any]]]) -> list[Sending]:
    """Where the broker put them. Ask when nobody looks any more: it takes a second, in which nothing else is seen."""
    acknowledged = await asyncio.gather(*[sending for _, sending in sent])
    return [(said.partition, said.offset, at) for (at, _), said in zip(sent, acknowledged, strict=True)]


async def look(here: Site, wanted: int, seconds: float, connection: asyncpg.Connection) -> list[Sight]:
    """How far each partition is recorded, every few milliseconds, until all is or the time is over."""
    sights: list[Sight] = []
    deadline = time.perf_counter() + seconds
    recorded = 0
    statement = await connection.prepare(_POSITIONS)
    while recorded < wanted and time.perf_counter() < deadline:
        positions = {row["partition"]: row["next_offset"] for row in await statement.fetch(here.topic)}
        recorded = sum(positions.values())
        if not sights or positions != sights[-1][1]:
            sights.append((time.perf_counter(), positions))
        await asyncio.sleep(_LOOK_SECONDS)
    return sights


async def lone(here: Site, recorder: Service, events: int, cores: Cores) -> Lone:
    """Publish an event of an execution that nobody knows, ask for it over HTTP until it is there; then the next."""
    random = chance(12)
    stories = [Story(random, _LONE_TENANT, datetime.now(UTC) - timedelta(minutes=1)) for _ in range(events)]
    meters = here.servers.meters
    async with _asking(here) as (client, asked), producing(here.servers, linger_ms=0) as producer:
        obtained = await cores.obtained()
        pids = [recorder.process.pid, asked]
        before = meters.read(pids)
        seconds = []
        for number, story in enumerate(stories):
            await asyncio.sleep(random.uniform(0.1, 0.4))  # in step with nothing that recurs
            sent = story.tell(beginning(random, number))
            seconds.append(await _seen_after(client, producer, here.topic, story.subject, sent))
        after = meters.read(pids)
    return Lone(tuple(seconds), obtained, after.free_since(before))


async def _seen_after(
    client: httpx2.AsyncClient, producer: AIOKafkaProducer, topic: str, subject: str, sent: Sent
) -> float:
    key, value = sent
    began = time.perf_counter()
    await producer.send(topic, value, key=key)
    while (answer := await client.get(f"/v1/executions/{subject}")).status_code == 404:
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            raise TimeoutError(f"an event was not readable after {_PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)
    answer.raise_for_status()
    return time.perf_counter() - began


@asynccontextmanager
async def _asking(here: Site) -> AsyncIterator[tuple[httpx2.AsyncClient, int]]:
    """A client of a query service, as a reader of the tenant, and the service's process."""
    claims = {"sub": "bench", "tenant": _LONE_TENANT, "roles": ["reader"], "exp": int(time.time()) + 3600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, _SECRET, algorithm='HS256')}"}
    settings: dict[str, Any] = {"postgres_dsn": here.dsn, "events_topic": here.topic, "jwt_secret": _SECRET}
    async with (
        query(here.servers.folder, **settings) as service,
        httpx2.AsyncClient(base_url=service.address, headers=headers, timeout=10) as client,
    ):
        yield client, service.process.pid
