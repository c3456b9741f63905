"""Real servers for the tests, a fresh database for each, topics of their own."""

import asyncio
import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from console_site import end_site
from execledger import stack
from execledger.stack import broker, processes
from execledger.stack.database import with_database
from execledger.stack.kafka import EmbeddedKafka
from execledger.stack.say import silent
from execledger.stack.settings import StackSettings
from execledger.stack.state import DataDirectory

settings.register_profile("patient", deadline=None)  # how long an example takes depends on what else runs
settings.load_profile("patient")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the run's servers are reached; the DSN is a superuser's, of the database `postgres`."""

    bootstrap_servers: str
    postgres_dsn: str
    copying: str = "WAL_LOG"  # how Postgres copies a template


@dataclass(frozen=True, slots=True)
class Topics:
    """Three topics that no other test knows, and a consumer group."""

    events: str
    dead_letter: str
    control: str
    group: str

    def settings(self, servers: Servers, dsn: str) -> dict[str, Any]:
        """Those of a recorder that writes there what comes by these topics."""
        return {
            "kafka_bootstrap_servers": servers.bootstrap_servers,
            "postgres_dsn": dsn,
            "events_topic": self.events,
            "dead_letter_topic": self.dead_letter,
            "control_topic": self.control,
            "consumer_group": self.group,
        }


class OwnBroker:
    """A broker that a test may stop and start."""

    def __init__(self, directory: Path) -> None:
        data = DataDirectory.at(directory)
        data.create()
        self._kafka = EmbeddedKafka(data)
        self._kafka.prepare(silent())
        self._port = processes.choose_port(None)
        self.address = self._kafka.address(self._port)

    def start(self) -> None:
        self._kafka.start(self._port)
        deadline = time.monotonic() + 60
        while not self._kafka.answers(self._port):
            assert time.monotonic() < deadline, self._kafka.complaint()
            time.sleep(0.1)

    def stop(self) -> None:
        self._kafka.stop()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers that the environment names, else Docker's when asked for, else the embedded ones."""
    with ExitStack() as cleanup:
        if os.environ.get("EXECLEDGER_TEST_DOCKER") == "1":
            yield _containers(cleanup)
        else:
            endpoints = stack.start(_shared(tmp_path_factory) / "servers")
            if "EXECLEDGER_POSTGRES_DSN" in os.environ:
                yield Servers(endpoints.bootstrap_servers, endpoints.postgres_dsn)
            else:
                dsn = with_database(endpoints.postgres_dsn, "postgres")
                asyncio.run(_forgo_durability(dsn))
                yield Servers(endpoints.bootstrap_servers, dsn, "FILE_COPY")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers that the workers shared."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shared = _shared(session.config._tmp_path_factory)  # type: ignore[attr-defined]  # no public way
        end_site(shared / "console")
        data = shared / "servers"
        if data.exists():
            stack.delete(data)


@pytest.fixture(scope="session")
async def migrated_template(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The name of a migrated database that others are copied from."""
    from execledger_recorder.store.migrations import migrate

    name = f"template_{secrets.token_hex(6)}"
    await _execute(servers, f"CREATE DATABASE {name}")
    with _alone(_shared(tmp_path_factory) / "migrating"):  # roles are the server's, not the database's
        await migrate(with_database(servers.postgres_dsn, name))
    yield name
    await _drop(servers, name)


@pytest.fixture
async def database(servers: Servers, migrated_template: str) -> AsyncIterator[str]:
    """The DSN of a fresh, migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(servers, f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY {servers.copying}")
    yield with_database(servers.postgres_dsn, name)
    await _drop(servers, name)


@pytest.fixture
async def other_database(servers: Servers, migrated_template: str) -> AsyncIterator[str]:
    """The DSN of a second fresh, migrated database."""
    name = f"other_{secrets.token_hex(6)}"
    await _execute(servers, f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY {servers.copying}")
    yield with_database(servers.postgres_dsn, name)
    await _drop(servers, name)


@pytest.fixture
async def topics(servers: Servers, request: pytest.FixtureRequest) -> AsyncIterator[Topics]:
    """Fresh topics: events with three partitions, dead letter, control; as large as the mark `message_limits` says.

    A limit is given when the topic is made: a broker confirms a later one a moment before it applies it.
    """
    name = secrets.token_hex(6)
    names = Topics(f"events-{name}", f"dead-letter-{name}", f"control-{name}", f"group-{name}")
    settings = StackSettings(
        events_topic=names.events,
        dead_letter_topic=names.dead_letter,
        control_topic=names.control,
        events_partitions=3,
    )
    mark = request.node.get_closest_marker("message_limits")
    limits = {getattr(names, role): most for role, most in (mark.kwargs if mark else {}).items()}
    wanted = [
        replace(topic, max_message_bytes=limits.get(topic.name, topic.max_message_bytes))
        for topic in broker.wanted_topics(settings)
    ]
    await broker.make_topics(servers.bootstrap_servers, wanted)
    yield names
    async with broker.admin(servers.bootstrap_servers) as client:
        await client.delete_topics([names.events, names.dead_letter, names.control])


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnBroker]:
    """A broker of this test alone."""
    own = OwnBroker(tmp_path / "data")
    own.start()
    yield own
    own.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run know."""
    return _shared(tmp_path_factory)


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run know."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a file against the other workers."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _forgo_durability(dsn: str) -> None:
    """No power cut is tested: without fsync a database is copied in a third of the time."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def _execute(servers: Servers, statement: str) -> None:
    connection = await asyncpg.connect(servers.postgres_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _drop(servers: Servers, name: str) -> None:
    await _execute(servers, f"DROP DATABASE {name} WITH (FORCE)")


def _containers(cleanup: ExitStack) -> Servers:
    """The servers in Docker, removed when the run ends."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    from execledger.stack.docker import KAFKA_IMAGE, KAFKA_SETTINGS, POSTGRES_IMAGE

    postgres = PostgresContainer(POSTGRES_IMAGE, username="postgres", dbname="postgres", driver=None)
    postgres.with_command(["-cmax_locks_per_transaction=256", "-cfsync=off"])
    # testcontainers' own Kafka is another image; this one must be told the published port beforehand.
    port = processes.choose_port(None)
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    kafka.with_envs(**KAFKA_SETTINGS, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://127.0.0.1:{port}")
    kafka.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    dsn = cleanup.enter_context(postgres).get_connection_url()
    cleanup.enter_context(kafka)
    return Servers(f"127.0.0.1:{port}", dsn, "FILE_COPY")
