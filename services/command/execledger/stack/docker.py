"""The same two servers through the docker command: official images, named volumes, loopback ports."""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence

from aiokafka.errors import KafkaError
from rich.console import Console

from execledger.errors import UserError
from execledger.stack import broker, database, postgres
from execledger.stack.jars import KAFKA_VERSION
from execledger.stack.state import DataDirectory, ServerKey
from execledger_runtime.postgres import RAISED

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = f"postgres:{postgres.MAJOR}"
STOP_SECONDS = 30

# The image takes its own settings only when none is given: a few mean all.
KAFKA_SETTINGS = {
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_NODE_ID": "1",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
}


class Container:
    """One server in a container that is made anew at each start; its volume keeps the data."""

    name: str
    key: ServerKey
    image: str
    managed = "docker"
    start_seconds = 120.0

    def __init__(self, data: DataDirectory) -> None:
        self._data = data

    @property
    def container(self) -> str:
        """The container's name, and the volume's."""
        return f"execledger-{self._data.state().name}-{self.key}"

    @property
    def place(self) -> str:
        """Where the data lie."""
        return f"volume {self.container}"

    def pid(self) -> int | None:
        """The process id that Docker reports while the container runs."""
        shown = _docker("inspect", "--format", "{{.State.Running}} {{.State.Pid}}", self.container)
        running, _, pid = shown.stdout.strip().partition(" ")
        return int(pid) if shown.returncode == 0 and running == "true" else None

    def prepare(self, console: Console) -> None:
        """Pull the image when it is not there, once."""
        if _docker("image", "inspect", self.image).returncode != 0:
            console.print(f"Pulling {self.image} …")
            _succeed(_docker("pull", self.image), f"Pulling {self.image}")

    def stop(self) -> None:
        """Stop and remove the container; the volume stays."""
        _docker("stop", "-t", str(STOP_SECONDS), self.container)
        _docker("rm", "--force", self.container)

    def complaint(self) -> str:
        """The last lines of the container's log."""
        logs = _docker("logs", "--tail", "5", self.container)
        return (logs.stdout + logs.stderr).strip()

    def delete(self) -> None:
        """Remove the volume."""
        _docker("volume", "rm", "--force", self.container)

    def _run(self, options: Sequence[str], command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the container. Its environment goes by name only: a command line is no place for secrets."""
        _docker("rm", "--force", self.container)
        named = [part for name in environment for part in ("--env", name)]
        started = _docker(
            "run", "--detach", "--name", self.container, *options, *named, self.image, *command,
            environment=environment,
        )  # fmt: skip
        if started.returncode != 0 and "already allocated" not in started.stderr:  # a port: tried anew
            _succeed(started, f"Starting {self.image}")


class DockerKafka(Container):
    """Apache Kafka's official image."""

    name = "Kafka"
    key: ServerKey = "kafka"
    image = KAFKA_IMAGE

    def start(self, port: int) -> None:
        """Start the broker; it tells clients to come to the published port."""
        options = ["--publish", f"127.0.0.1:{port}:9092", "--volume", f"{self.container}:/var/lib/kafka/data"]
        advertised = {"KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}
        self._run(options, [], KAFKA_SETTINGS | advertised)

    def answers(self, port: int) -> bool:
        """Whether the broker answers a call."""
        try:
            return self.pid() is not None and bool(asyncio.run(broker.cluster_id(self.address(port))))
        except (KafkaError, OSError, TimeoutError):
            return False

    def address(self, port: int) -> str:
        """The bootstrap servers of a broker on this port."""
        return f"127.0.0.1:{port}"


class DockerPostgres(Container):
    """The official image, with the settings of the embedded server."""

    name = "Postgres"
    key: ServerKey = "postgres"
    image = POSTGRES_IMAGE

    def start(self, port: int) -> None:
        """Start the server."""
        # From 18 on the image wants its volume here, with a directory a major version in it.
        options = ["--publish", f"127.0.0.1:{port}:5432", "--volume", f"{self.container}:/var/lib/postgresql"]
        inside = {"listen_addresses": "*", "unix_socket_directories": "/var/run/postgresql"}
        settings = [f"-c{name}={value}" for name, value in (postgres.SETTINGS | inside).items()]
        environment = {
            "POSTGRES_PASSWORD": self._data.secret("postgres"),
            "POSTGRES_DB": postgres.DATABASE,
            "POSTGRES_INITDB_ARGS": "--auth=scram-sha-256 --encoding=UTF8 --locale=C",
        }
        self._run([*options, "--shm-size", "512m"], settings, environment)

    def answers(self, port: int) -> bool:
        """Whether the server answers a query; the image's first start serves a socket only, then restarts."""
        try:
            return self.pid() is not None and bool(asyncio.run(database.version(self.address(port))))
        except RAISED:
            return False

    def address(self, port: int) -> str:
        """The DSN of our database on this port, as its owner."""
        password = self._data.secret("postgres")
        return f"postgresql://{postgres.SUPERUSER}:{password}@127.0.0.1:{port}/{postgres.DATABASE}"


def require() -> None:
    """Find out whether Docker answers before anything depends on it."""
    _succeed(_docker("version", "--format", "{{.Server.Version}}"), "Reaching Docker")


def _docker(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *arguments],  # noqa: S607 - the one that the user has
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise UserError("There is no docker command: install Docker, or leave out --docker.") from None


def _succeed(result: subprocess.CompletedProcess[str], doing: str) -> None:
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"{doing} failed: {said[-1]} (without --docker, the servers come embedded)")
