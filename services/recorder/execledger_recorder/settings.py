"""What the recorder can be told, by environment variables that start with EXECLEDGER_."""

import ssl
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, Self

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from pydantic import Field, FilePath, PostgresDsn, Secret, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from execledger_contracts.cleaning import Limits
from execledger_recorder.rules.commands import CommandPolicy

_BROKERS: Final = r"^\s*[^\s,]+:\d{1,5}(\s*,\s*[^\s,]+:\d{1,5})*\s*$"


class SettingsError(Exception):
    """A setting is missing or wrong: a line for each, which names the variable and never shows a secret."""


class Settings(BaseSettings):
    """Each field is the variable EXECLEDGER_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="EXECLEDGER_", env_ignore_empty=True, extra="ignore")

    kafka_bootstrap_servers: str = Field(pattern=_BROKERS, description="Kafka brokers as HOST:PORT, comma-separated")
    postgres_dsn: Secret[PostgresDsn] = Field(description="the database, postgresql://USER:PASSWORD@HOST:PORT/NAME")

    events_topic: str = Field("executions.events", min_length=1, description="topic that orchestrators publish to")
    dead_letter_topic: str = Field("executions.dead-letter", min_length=1, description="topic for bad records")
    control_topic: str = Field("executions.control", min_length=1, description="topic for commands to orchestrators")
    consumer_group: str = Field("execledger-recorder", min_length=1, description="Kafka consumer group")
    consumer_instance_id: str | None = Field(
        None, description="name in the group, kept by a restart: static membership"
    )

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to speak to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how to log in to the brokers"
    )
    kafka_sasl_username: str | None = Field(None, description="user for SASL")
    kafka_sasl_password: Secret[str] | None = Field(None, description="password for SASL")
    kafka_ssl_cafile: FilePath | None = Field(None, description="file of the certificate authority for TLS")

    recorder_metrics_host: str = Field("127.0.0.1", description="address of /metrics, /healthz and /readyz")
    recorder_metrics_port: int = Field(9464, ge=0, le=65535, description="port of /metrics, /healthz and /readyz")

    # from a backlog, as a share of COPY alone (make bench, medians): 2,000 records reach 0.162, 4,000 reach 0.154
    batch_size: int = Field(2000, ge=1, le=100_000, description="records in one transaction at most")
    batch_wait_ms: int = Field(50, ge=1, le=10_000, description="how long to wait for the first record of a batch")
    max_bytes_in_flight: int = Field(
        16_777_216, ge=1, description="bytes of records that wait to be recorded; then no more are fetched"
    )
    statement_timeout_ms: int = Field(30_000, ge=100, description="time limit of a statement in Postgres")
    max_text_bytes: int = Field(65_536, ge=16_384, description="longer texts are cut, with a mark")
    max_json_bytes: int = Field(262_144, ge=16_384, description="larger inputs, outputs and metadata are cut")
    max_record_bytes: int = Field(16_777_216, ge=16_384, description="larger records are dead-lettered as too_large")
    self_audit_interval_seconds: float = Field(
        30.0, ge=0, description="how often some executions are compared with the log; 0 for never"
    )
    self_audit_executions: int = Field(20, ge=0, le=1000, description="how many of them; 0 for none")
    watchdog_interval_seconds: float = Field(5.0, gt=0, description="how often overdue executions are looked for")
    circuit_probe_seconds: float = Field(5.0, gt=0, description="how often a stopped partition is looked at again")
    usage_interval_seconds: float = Field(
        5.0, gt=0, description="how often daily usage is summed and its limits checked"
    )
    feed_retention_hours: float = Field(24.0, gt=0, description="how long changes are kept for those who follow them")
    outbox_limit: int = Field(100_000, ge=1, description="messages that may wait for Kafka; then recording waits too")
    budget_warning_share: float = Field(0.8, gt=0, le=1, description="share of a budget at which a warning is sent")
    log_format: Literal["json", "console"] = Field("json", description="shape of the log lines on stderr")

    @field_validator("dead_letter_topic", "control_topic", mode="after")
    @classmethod
    def _is_a_topic_of_its_own(cls, topic: str, info: ValidationInfo) -> str:
        """A dead letter on the events topic would be recorded as the next one, without end."""
        if topic in (info.data.get("events_topic"), info.data.get("dead_letter_topic")):
            raise ValueError(f"{topic} is another topic's name already")
        return topic

    @field_validator("kafka_ssl_cafile", mode="after")
    @classmethod
    def _holds_a_certificate(cls, file: Path | None) -> Path | None:
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            raise ValueError(f"no certificate can be read from it: {error.strerror or error}") from None
        return file

    @classmethod
    def load(cls) -> Self:
        """The settings of this process's environment. Raises SettingsError."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(
                "\n".join(_explained(cls, fault["loc"], fault["msg"]) for fault in error.errors())
            ) from None

    @property
    def dsn(self) -> str:
        """The whole DSN, with its password: never log it."""
        return str(self.postgres_dsn.get_secret_value())

    @property
    def database_address(self) -> str:
        """Host, port and name of the database, without user and password."""
        dsn = self.postgres_dsn.get_secret_value()
        host = dsn.hosts()[0]
        return f"{host['host']}:{host['port'] or 5432}{dsn.path or ''}"

    @property
    def kafka_security(self) -> BaseSecurity:
        """How to speak to the brokers, as FastStream puts it."""
        encrypted = self.kafka_security_protocol in ("SSL", "SASL_SSL")
        context = ssl.create_default_context(cafile=self.kafka_ssl_cafile) if encrypted else None
        if not self.kafka_security_protocol.startswith("SASL"):
            return BaseSecurity(ssl_context=context, use_ssl=encrypted)
        password = self.kafka_sasl_password
        return _SASL[self.kafka_sasl_mechanism](
            username=self.kafka_sasl_username or "",
            password="" if password is None else password.get_secret_value(),
            ssl_context=context,
            use_ssl=encrypted,
        )

    @property
    def kafka_options(self) -> dict[str, Any]:
        """The same as aiokafka's keyword arguments, with the brokers' addresses."""
        return {"bootstrap_servers": self.kafka_bootstrap_servers, **parse_security(self.kafka_security)}

    @property
    def command_policy(self) -> CommandPolicy:
        return CommandPolicy(self.control_topic, Decimal(str(self.budget_warning_share)))

    @property
    def limits(self) -> Limits:
        return Limits(self.max_text_bytes, self.max_json_bytes, self.max_record_bytes)


_SASL: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def _explained(settings: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0])
    wanted = settings.model_fields[name].description
    if message.startswith("String should match pattern"):
        return f"EXECLEDGER_{name.upper()}: must be {wanted}"
    return f"EXECLEDGER_{name.upper()}: {message[0].lower()}{message[1:]}; it is {wanted}"
