"""The local stack: bring both servers up, take them down, say how they are."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg
from aiokafka.errors import KafkaError
from rich.console import Console

from execledger.errors import UserError
from execledger.stack import broker, database, docker, processes
from execledger.stack.kafka import EmbeddedKafka
from execledger.stack.postgres import DATABASE, EmbeddedPostgres
from execledger.stack.say import silent
from execledger.stack.settings import StackSettings, load
from execledger.stack.state import DataDirectory, ServerKey

STARTS = 5
PAUSE = 0.1
# What passes by itself: a port that somebody took after we looked; the children of a killed Postgres.
PASSING = ("already in use", "already allocated", "pre-existing shared memory block")


class Server(Protocol):
    """What the stack asks of a server, wherever it runs."""

    name: str
    key: ServerKey
    managed: str
    start_seconds: float

    @property
    def place(self) -> str: ...
    def pid(self) -> int | None: ...
    def prepare(self, console: Console) -> None: ...
    def start(self, port: int) -> None: ...
    def answers(self, port: int) -> bool: ...
    def stop(self) -> None: ...
    def complaint(self) -> str: ...
    def address(self, port: int) -> str: ...
    def delete(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the stack is reached, and the secret that its tokens are signed with."""

    bootstrap_servers: str
    postgres_dsn: str
    jwt_secret: str


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How one server is. `managed` is `embedded`, `docker` or `named` (by the environment).

    `fault` says why a server that should answer does not.
    """

    name: str
    managed: str
    running: bool
    reachable: bool
    address: str | None
    pid: int | None
    data: str | None
    fault: str | None


def up(data: Path, *, docker: bool = False, console: Console | None = None) -> Endpoints:
    """Start what is not running, migrate the database and make the topics. Safe to repeat.

    Returns when both servers answer; they outlive this process. Raises UserError.
    """
    console = console or silent()
    settings = load(StackSettings)
    endpoints = start(data, docker=docker, console=console)
    _migrate(endpoints.postgres_dsn, console)
    _make_topics(endpoints.bootstrap_servers, settings)
    return endpoints


def start(data: Path, *, docker: bool = False, console: Console | None = None) -> Endpoints:
    """Start what is not running, and no more: no schema, no topics."""
    console = console or silent()
    settings = load(StackSettings)
    directory = DataDirectory.at(data)
    directory.create()
    with _locked(directory, console):
        _choose_engine(directory, settings, docker)
        kafka, postgres = _servers(directory, settings)
        with _all_or_none((kafka, postgres), console), ThreadPoolExecutor(1) as pool:
            postgres_dsn = pool.submit(_postgres_dsn, postgres, directory, settings, console)
            # In this thread, as its downloads can be long and only this thread hears Ctrl-C.
            bootstrap_servers = _kafka_address(kafka, directory, settings, console)
            return Endpoints(bootstrap_servers, postgres_dsn.result(), _jwt_secret(directory, settings))


def down(data: Path, *, console: Console | None = None) -> list[str]:
    """Stop the stack's own servers; returns the names of those that ran. The data stay."""
    console = console or silent()
    directory = DataDirectory.at(data)
    if not directory.exists():
        return _stop(_servers(directory, load(StackSettings)), console)
    with _locked(directory, console):
        return _stop(_servers(directory, load(StackSettings)), console)


def delete(data: Path, *, console: Console | None = None) -> list[str]:
    """Stop the stack and delete its data, wherever they lie; returns the names of what ran."""
    directory = DataDirectory.at(data)
    stopped = down(data, console=console)
    if directory.exists():
        for server in _servers(directory, load(StackSettings)):
            server.delete()
        shutil.rmtree(directory.path)
    return stopped


def status(data: Path) -> list[ServerStatus]:
    """How both servers are; changes nothing and waits for no other command."""
    directory, settings = DataDirectory.at(data), load(StackSettings)
    kafka, postgres = _servers(directory, settings)
    return [
        _named_kafka(settings) if _names_kafka(directory, settings) else _own(kafka, directory),
        _named_postgres(settings) if _names_postgres(directory, settings) else _own(postgres, directory),
    ]


def known_endpoints(data: Path) -> tuple[str | None, str | None]:
    """The servers that the environment names, else those of the stack: bootstrap servers and DSN."""
    directory, settings = DataDirectory.at(data), load(StackSettings)
    kafka, postgres = _servers(directory, settings)
    state = directory.state()
    bootstrap_servers = settings.kafka_bootstrap_servers
    postgres_dsn = settings.postgres_dsn.get_secret_value() if settings.postgres_dsn else None
    if bootstrap_servers is None and state.kafka_ports:
        bootstrap_servers = kafka.address(state.kafka_ports[0])
    if postgres_dsn is None and state.postgres_ports:
        postgres_dsn = postgres.address(state.postgres_ports[0])
    return bootstrap_servers, postgres_dsn


@contextmanager
def _locked(directory: DataDirectory, console: Console) -> Iterator[None]:
    with directory.locked(lambda: console.print(f"Waiting for another command on {directory.path} …")):
        yield


@contextmanager
def _all_or_none(servers: tuple[Server, ...], console: Console) -> Iterator[None]:
    """Leave no server behind that was started for a stack that did not come up."""
    ran_before = [server.pid() is not None for server in servers]
    try:
        yield
    except BaseException:
        _stop(tuple(server for server, ran in zip(servers, ran_before, strict=True) if not ran), console)
        raise


def _choose_engine(directory: DataDirectory, settings: StackSettings, use_docker: bool) -> None:
    if use_docker:
        docker.require()
    if not directory.exists():
        _stop(_servers(directory, settings), silent())  # left by a data directory that was deleted
        directory.change(lambda state: replace(state, docker=use_docker))
    elif use_docker and not directory.state().docker:
        raise UserError(f"{directory.path} holds an embedded stack: name another directory with --data.")


def _servers(directory: DataDirectory, settings: StackSettings) -> tuple[Server, Server]:
    if directory.state().docker:
        return docker.DockerKafka(directory), docker.DockerPostgres(directory)
    return EmbeddedKafka(directory, settings.maven_repository), EmbeddedPostgres(directory)


def _kafka_address(kafka: Server, directory: DataDirectory, settings: StackSettings, console: Console) -> str:
    if settings.kafka_bootstrap_servers and _names_kafka(directory, settings):
        _require(_named_kafka(settings), "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", console)
        return settings.kafka_bootstrap_servers
    return kafka.address(_bring_up(kafka, directory, console))


def _postgres_dsn(postgres: Server, directory: DataDirectory, settings: StackSettings, console: Console) -> str:
    if settings.postgres_dsn and _names_postgres(directory, settings):
        _require(_named_postgres(settings), "EXECLEDGER_POSTGRES_DSN", console)
        return settings.postgres_dsn.get_secret_value()
    dsn = postgres.address(_bring_up(postgres, directory, console))
    asyncio.run(database.ensure_database(database.with_database(dsn, "postgres"), DATABASE))
    return dsn


def _bring_up(server: Server, directory: DataDirectory, console: Console) -> int:
    """Have the server running; returns its port."""
    ports = directory.state().ports(server.key)
    if server.pid() is not None:
        if ports and _comes_up(server, ports[0]):
            console.print(f"{server.name} is running at 127.0.0.1:{ports[0]}.")
            return ports[0]
        server.stop()  # it hangs
    server.prepare(console)
    for _ in range(STARTS):
        port = processes.choose_port(ports[0] if ports else None)
        _remember_port(directory, server, port)
        server.start(port)
        if _comes_up(server, port):
            console.print(f"{server.name} is ready at 127.0.0.1:{port}.")
            return port
        complaint = server.complaint()
        server.stop()
        if not any(passing in complaint for passing in PASSING):
            break
        time.sleep(1)
    raise UserError(f"{server.name} does not start:\n{complaint}")


def _remember_port(directory: DataDirectory, server: Server, port: int) -> None:
    directory.change(lambda state: state.with_port(server.key, port))


def _comes_up(server: Server, port: int) -> bool:
    deadline = time.monotonic() + server.start_seconds
    while server.pid() is not None and time.monotonic() < deadline:
        if server.answers(port):
            return True
        time.sleep(PAUSE)
    return False


def _stop(servers: tuple[Server, ...], console: Console) -> list[str]:
    running = [server for server in servers if server.pid() is not None]
    with ThreadPoolExecutor(2) as pool:
        for server in running:
            console.print(f"Stopping {server.name} …")
        list(pool.map(lambda server: server.stop(), running))
    return [server.name for server in running]


def _names_kafka(directory: DataDirectory, settings: StackSettings) -> bool:
    """Whether the environment names a Kafka that is not this stack's own, from an earlier `up`."""
    own = {f"127.0.0.1:{port}" for port in directory.state().kafka_ports}
    return settings.kafka_bootstrap_servers is not None and settings.kafka_bootstrap_servers not in own


def _names_postgres(directory: DataDirectory, settings: StackSettings) -> bool:
    """Whether the environment names a Postgres that is not this stack's own, from an earlier `up`."""
    if settings.postgres_dsn is None:
        return False
    own = {f"127.0.0.1:{port}" for port in directory.state().postgres_ports}
    return urlsplit(settings.postgres_dsn.get_secret_value()).netloc.rpartition("@")[2] not in own


def _named_kafka(settings: StackSettings) -> ServerStatus:
    address = str(settings.kafka_bootstrap_servers)
    fault = asyncio.run(broker.fault(address))
    return ServerStatus("Kafka", "named", fault is None, fault is None, address, None, None, fault)


def _named_postgres(settings: StackSettings) -> ServerStatus:
    dsn = settings.postgres_dsn.get_secret_value() if settings.postgres_dsn else ""
    fault = asyncio.run(database.fault(dsn))
    return ServerStatus("Postgres", "named", fault is None, fault is None, database.shown(dsn), None, None, fault)


def _require(named: ServerStatus, variable: str, console: Console) -> None:
    if named.fault is not None:
        raise UserError(
            f"{named.name} at {named.address}, which {variable} names: {named.fault}. "
            "Start it, correct the address, or unset the variable to have a server started here."
        )
    console.print(f"{named.name}: using {named.address}, which {variable} names.")


def _own(server: Server, directory: DataDirectory) -> ServerStatus:
    pid, ports = server.pid(), directory.state().ports(server.key)
    reachable, fault = False, None
    if pid is not None and ports:
        try:
            reachable = server.answers(ports[0])
            fault = None if reachable else "it runs and does not answer"
        except UserError as error:
            fault = str(error)
    address = f"127.0.0.1:{ports[0]}" if ports else None
    place = server.place if directory.exists() else None
    return ServerStatus(server.name, server.managed, pid is not None, reachable, address, pid, place, fault)


def _jwt_secret(directory: DataDirectory, settings: StackSettings) -> str:
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    return directory.secret("jwt")


def _migrate(dsn: str, console: Console) -> None:
    from execledger_recorder.store.migrations import SchemaMismatchError, migrate
    from execledger_runtime.errors import StoreUnavailable

    try:
        applied = asyncio.run(migrate(dsn))
    except (SchemaMismatchError, StoreUnavailable, asyncpg.PostgresError) as error:
        raise UserError(f"The database {database.shown(dsn)} cannot be migrated: {error}") from None
    if applied:
        console.print(f"Migrated the database: {', '.join(applied)}.")


def _make_topics(bootstrap_servers: str, settings: StackSettings) -> None:
    try:
        asyncio.run(broker.make_topics(bootstrap_servers, broker.wanted_topics(settings)))
    except KafkaError as error:
        raise UserError(f"Kafka refuses to make the topics: {error}") from None
