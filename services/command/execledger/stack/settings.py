"""The settings that the local stack reads from the environment."""

import re
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from execledger.errors import UserError

KAFKA_RECORD_OVERHEAD = 12  # Kafka counts the batch header's first two fields: 1 MiB of batch is 1048588
_BROKER = re.compile(r"\s*(?:\[[\w:.%]+\]|[^\s,:\[\]/]+):([0-9]{1,5})\s*")
SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class StackSettings(BaseSettings):
    """Where the servers are, what the topics are called, how big they are."""

    model_config = SettingsConfigDict(env_prefix="EXECLEDGER_", env_ignore_empty=True)

    kafka_bootstrap_servers: str | None = None
    postgres_dsn: SecretStr | None = None
    events_topic: str = "executions.events"
    dead_letter_topic: str = "executions.dead-letter"
    control_topic: str = "executions.control"
    events_partitions: int = Field(default=3, ge=1, le=1000)
    max_message_bytes: int = Field(default=1024 * 1024 + KAFKA_RECORD_OVERHEAD, ge=1024, le=64 * 1024 * 1024)
    jwt_secret: SecretStr | None = Field(default=None, min_length=32)
    jwks_url: str | None = None
    maven_repository: str | None = None

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _are_addresses(cls, servers: str | None) -> str | None:
        brokers = [_BROKER.fullmatch(server) for server in (servers or "h:1").split(",")]
        if not all(broker and 0 < int(broker[1]) < 65536 for broker in brokers):
            raise ValueError("should be HOST:PORT, several with commas, an IPv6 address in brackets")
        return servers


def load(settings: type[SettingsT]) -> SettingsT:
    """Read settings from the environment; a bad value is a UserError that names it and not its content."""
    try:
        return settings()
    except ValidationError as error:
        raise UserError("; ".join(faults(settings, error)), exit_status=2) from None


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


def faults(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """One sentence for each value that was refused; the values stay out, for some are secrets."""
    prefix = settings.model_config.get("env_prefix", "")
    return [
        f"{_named(prefix, fault['loc'])}{fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _named(prefix: str, location: tuple[int | str, ...]) -> str:
    if not location:  # about several settings: what is wrong begins with the name of one
        return ""
    name = str(location[0])
    return f"{name if name.upper().startswith(prefix) else f'{prefix}{name}'.upper()}: "
