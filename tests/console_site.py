"""A recorder and a query service over the demo's data, which all tests of the console look at in one run."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
from aiokafka import AIOKafkaProducer

from execledger.demo.traffic import Example, Facts, Traffic, simulate
from execledger.stack import broker
from execledger.stack.database import ensure_database, with_database
from execledger.stack.processes import choose_port
from execledger.stack.settings import StackSettings
from execledger_publisher import Publisher
from execledger_recorder.store.migrations import migrate
from factories_query import SECRET

_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is, and some executions of the demo, by what became of them."""

    address: str
    bootstrap_servers: str
    dsn: str
    events_topic: str
    executions: int
    examples: dict[str, str]
    pids: list[int]

    def example(self, name: str) -> str:
        """The external id of that one; it is of the tenant `default`."""
        return self.examples[name]

    def publisher(self) -> Publisher:
        """Publishes to it."""
        return Publisher(self.bootstrap_servers, "urn:acme:tests", topic=self.events_topic)


def shared_site(folder: Path, bootstrap_servers: str, postgres_dsn: str) -> Site:
    """The one of this run; whoever comes first starts it. `end_site` ends it."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / "site.json"
        if not known.exists():
            site = asyncio.run(_start(folder, bootstrap_servers, postgres_dsn))
            known.write_text(json.dumps(asdict(site)), encoding="utf-8")
        return Site(**json.loads(known.read_text(encoding="utf-8")))


def end_site(folder: Path) -> None:
    """End it, if it was started."""
    known = folder / "site.json"
    if known.exists():
        for pid in Site(**json.loads(known.read_text(encoding="utf-8"))).pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def _start(folder: Path, bootstrap_servers: str, postgres_dsn: str) -> Site:
    name = f"console_{os.getpid()}"
    dsn = with_database(postgres_dsn, name)
    topics = StackSettings(
        events_topic=f"{name}.events",
        dead_letter_topic=f"{name}.dead-letter",
        control_topic=f"{name}.control",
    )
    await ensure_database(postgres_dsn, name)
    await migrate(dsn)
    await broker.make_topics(bootstrap_servers, broker.wanted_topics(topics))
    port = choose_port(None)
    settings = {
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "EXECLEDGER_POSTGRES_DSN": dsn,
        "EXECLEDGER_EVENTS_TOPIC": topics.events_topic,
        "EXECLEDGER_DEAD_LETTER_TOPIC": topics.dead_letter_topic,
        "EXECLEDGER_CONTROL_TOPIC": topics.control_topic,
        "EXECLEDGER_CONSUMER_GROUP": name,
        "EXECLEDGER_JWT_SECRET": SECRET,
        "EXECLEDGER_QUERY_SUBJECT_REQUESTS_PER_SECOND": "1000",
        "EXECLEDGER_QUERY_PORT": str(port),
        "EXECLEDGER_RECORDER_METRICS_PORT": str(choose_port(None)),
    }
    traffic = simulate(until=datetime.now(UTC))
    pids = [_run(folder, module, settings) for module in ("execledger_recorder", "execledger_query")]
    address = f"http://127.0.0.1:{port}"
    await _publish(traffic, bootstrap_servers, topics.events_topic)
    await _recorded(dsn, len(traffic.records))
    await _ready(address)
    examples = _examples(traffic.facts)
    return Site(address, bootstrap_servers, dsn, topics.events_topic, traffic.facts.executions, examples, pids)


def _run(folder: Path, module: str, settings: dict[str, str]) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    with (folder / f"{module}.log").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program; it outlives whoever started it
            [sys.executable, "-m", module],
            env={**kept, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


async def _publish(traffic: Traffic, bootstrap_servers: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=5)
    await producer.start()
    try:
        for key, value, headers in traffic.records:
            sent = await producer.send(topic, value, key=key, headers=headers)
        await sent
    finally:
        await producer.stop()


async def _recorded(dsn: str, total: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    connection = await asyncpg.connect(dsn)
    try:
        while (await _consumed(connection)) < total:
            assert time.monotonic() < deadline, "the demo's data were not recorded in time"
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _consumed(connection: Any) -> int:
    return int(await connection.fetchval("SELECT coalesce(sum(next_offset - first_offset), 0) FROM execledger.ledger"))


async def _ready(address: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    async with httpx2.AsyncClient() as client:
        while True:
            with suppress(httpx2.TransportError):
                if (await client.get(f"{address}/readyz")).status_code == 200:
                    return
            assert time.monotonic() < deadline, "the query service was not ready in time"
            await asyncio.sleep(0.1)


def _examples(facts: Facts) -> dict[str, str]:
    named = {name: getattr(facts, name) for name in Facts.__slots__}
    return {name: value.external_id for name, value in named.items() if isinstance(value, Example)}
