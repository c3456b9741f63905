"""Recorders as processes: started, in place, and seen to record."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from bench.meters import processor_seconds
from bench.site import Site, connected
from execledger.stack import broker
from running import Service, recorder

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.02
_RECORDED = """
SELECT coalesce(sum(applied + late + duplicate + rejected), 0)::bigint AS recorded,
       coalesce(sum(dead_lettered), 0)::bigint AS dead_lettered
FROM execledger.ledger WHERE topic = $1
"""
_OPENED = "SELECT count(*) FROM execledger.ledger WHERE topic = $1"
_SETTLE_SECONDS = 0.5  # for a recorder to find its place in what the broker gave it


@asynccontextmanager
async def recording(here: Site, count: int = 1) -> AsyncIterator[list[Service]]:
    """So many recorders of one group, of which each has found its place in partitions of its own."""
    async with AsyncExitStack() as running:
        services = [
            await running.enter_async_context(recorder(here.servers.folder, ready=False, **here.settings))
            for _ in range(count)
        ]
        await _until_each_has_partitions(here, services)
        yield services


async def startup_seconds(here: Site) -> float:
    """Processor time that a recorder takes until it has found its place in every partition of an empty topic."""
    async with (
        connected(here.dsn) as connection,
        recorder(here.servers.folder, ready=False, **here.settings) as service,
    ):
        async with asyncio.timeout(_START_SECONDS):
            await _until_opened(here, [service], connection)
        return processor_seconds(service.process.pid)


async def until_recorded(
    here: Site, services: Sequence[Service], total: int, seconds: float, connection: asyncpg.Connection
) -> int:
    """How many are recorded, once all are or the time is over. Raises RuntimeError when any was a dead letter."""
    deadline = time.perf_counter() + seconds
    recorded = 0
    while recorded < total and time.perf_counter() < deadline:
        _require_alive(services)
        recorded, dead_lettered = (await connection.fetch(_RECORDED, here.topic))[0]
        if dead_lettered:
            raise RuntimeError(f"{dead_lettered} records were dead letters: these figures would mean nothing")
        await asyncio.sleep(_LOOK_SECONDS)
    return recorded


async def _until_each_has_partitions(here: Site, services: Sequence[Service]) -> None:
    async with asyncio.timeout(_START_SECONDS), broker.admin(here.servers.bootstrap_servers) as client:
        while not _are_shared_out(await _shares(client, here), len(services), here.servers.partitions):
            _require_alive(services)
            await asyncio.sleep(0.1)
        async with connected(here.dsn) as connection:
            await _until_opened(here, services, connection)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _until_opened(here: Site, services: Sequence[Service], connection: asyncpg.Connection) -> None:
    while await connection.fetchval(_OPENED, here.topic) < here.servers.partitions:
        _require_alive(services)
        await asyncio.sleep(_LOOK_SECONDS)


def _are_shared_out(shares: Sequence[Set[int]], recorders: int, partitions: int) -> bool:
    return len(shares) == recorders and all(shares) and sorted(chain(*shares)) == list(range(partitions))


async def _shares(client: AIOKafkaAdminClient, here: Site) -> list[set[int]]:
    """The partitions of each member, as the broker has it; none while it shares them out."""
    try:
        (answer,) = await client.describe_consumer_groups([here.group])
    except KafkaError:  # nobody has asked for this group yet
        return []
    (_, _, state, _, _, members), *_ = answer.groups
    return [_partitions(bytes(member[4])) for member in members] if state == "Stable" else []


def _partitions(assignment: bytes) -> set[int]:
    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    return {partition for _, partitions in decoded.assignment for partition in partitions}


def _require_alive(services: Sequence[Service]) -> None:
    for service in services:
        if (status := service.process.poll()) is not None:
            raise RuntimeError(f"a recorder ended with exit status {status}")
