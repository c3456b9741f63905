"""The settings that the local stack reads from the environment."""

from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr

from execledger.errors import UserError
from execledger_runtime.kafka.adapters import TopicAdapters, consumed
from execledger_runtime.kafka.bindings import TopicTenants
from execledger_runtime.kafka.settings import Brokers
from execledger_runtime.settings import EnvironmentSettings, SettingsError

KAFKA_RECORD_OVERHEAD = 12  # Kafka counts the batch header's first two fields: 1 MiB of batch is 1048588
_SHORTEST_SECRET = 32
_MOST_BYTES = 64 * 1024 * 1024
SettingsT = TypeVar("SettingsT", bound=EnvironmentSettings)


class StackSettings(EnvironmentSettings):
    """Where the servers are, what the topics are called, how big they are."""

    kafka_bootstrap_servers: Brokers | None = Field(
        None, description="Kafka that exists, to be used instead of a local one"
    )
    postgres_dsn: SecretStr | None = Field(None, description="the same for Postgres")
    events_topic: str = Field("executions.events", description="topic to make and to publish to")
    topic_tenants: TopicTenants | None = Field(None, description="as the recorder's: the topics to make besides")
    topic_adapters: TopicAdapters | None = Field(None, description="likewise: those with events of other systems")
    dead_letter_topic: str = Field("executions.dead-letter", description="topic to make, for twice the message size")
    control_topic: str = Field("executions.control", description="topic to make")
    consumer_group: str = Field(
        "execledger-recorder", min_length=1, description="as the recorder's: whom `doctor` looks for"
    )
    events_partitions: int = Field(3, ge=1, le=1000, description="partitions of the events topic, when it is made")
    max_message_bytes: int = Field(
        1024 * 1024 + KAFKA_RECORD_OVERHEAD,
        ge=1024,
        le=_MOST_BYTES,
        description="`max.message.bytes` of topics that are made",
    )
    jwt_secret: SecretStr | None = Field(
        None, min_length=_SHORTEST_SECRET, description="secret that `token` signs with; `up` makes one"
    )
    jwks_url: str | None = Field(None, description="when set, `up` prints no secret")
    jwt_audience: str | None = Field(None, description="`aud` of the tokens that `token` makes")
    jwt_claims: str | None = Field(None, description="names of the claims that `token` makes")
    jwt_issuer: str | None = Field(None, description="`iss` of the tokens that `token` makes")
    maven_repository: str | None = Field(
        None, description="where Kafka's files are fetched from, when not from the usual place"
    )

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that a recorder reads."""
        return consumed(self.events_topic, self.topic_tenants, self.topic_adapters)


def load(settings: type[SettingsT]) -> SettingsT:
    """Read settings from the environment; a bad value is a UserError that names it and not its content."""
    try:
        return settings.load()
    except SettingsError as error:
        raise UserError("; ".join(map(str, error.faults)), exit_status=2) from None


def required_dsn() -> str:
    """The database that the environment names; a UserError when it names none."""
    dsn = load(StackSettings).postgres_dsn
    if dsn is None:
        raise UserError(
            'EXECLEDGER_POSTGRES_DSN is not set; a local stack sets it: eval "$(execledger up)"', exit_status=2
        )
    if not _has_readable_ports(dsn.get_secret_value()):
        raise UserError(
            "EXECLEDGER_POSTGRES_DSN: the DSN cannot be read: a port is no number from 0 to 65535; "
            "special characters in the password must be percent-encoded",
            exit_status=2,
        )
    return dsn.get_secret_value()


def _has_readable_ports(dsn: str) -> bool:
    """Whether the client gets past the ports; of the rest it says itself what is wrong."""
    try:
        parts = urlsplit(dsn)
        asked = [int(port) for value in parse_qs(parts.query).get("port", ()) for port in value.split(",")]
        ports = [urlsplit(f"//{host}").port for host in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:
        return False
    return all(port is None or 0 <= port <= 65535 for port in [*asked, *ports])


def required_brokers() -> str:
    """The Kafka that the environment names; a UserError when it names none."""
    brokers = load(StackSettings).kafka_bootstrap_servers
    if brokers is None:
        raise UserError(
            'EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS is not set; a local stack sets it: eval "$(execledger up)"',
            exit_status=2,
        )
    return brokers
