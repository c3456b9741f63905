"""What the recorder can be told, by environment variables that start with EXECLEDGER_."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from pydantic import Field, PostgresDsn, Secret, ValidationInfo, field_validator

from execledger_contracts.cleaning import Limits
from execledger_lifecycle import Caps
from execledger_recorder.rules.commands import CommandPolicy
from execledger_recorder.rules.months import PartitionPolicy
from execledger_recorder.rules.translation import Translation
from execledger_runtime.kafka.adapters import TopicAdapters, consumed, read_adapters
from execledger_runtime.kafka.bindings import Bindings, TopicTenants
from execledger_runtime.kafka.settings import KafkaSettings
from execledger_runtime.logs import Shape
from execledger_runtime.settings import EnvironmentSettings, Pooler

_DEFAULT_TENANT: Final = "default"


class RecordingSettings(EnvironmentSettings):
    """All but how to reach Kafka: enough for what asks Postgres alone."""

    postgres_dsn: Secret[PostgresDsn] = Field(description="the database, postgresql://USER:PASSWORD@HOST:PORT/NAME")
    postgres_pooler: Pooler = Field("none", description="what lies between: `transaction` is refused")

    events_topic: str = Field("executions.events", min_length=1, description="topic that orchestrators publish to")
    topic_tenants: TopicTenants | None = Field(
        None, description="topics of events with the tenants that they speak for: `topic[;source-prefix]=tenant`, …"
    )
    topic_adapters: TopicAdapters | None = Field(
        None, description="topics with events of other systems, and what reads each: `topic=adapter`, …"
    )
    dead_letter_topic: str = Field("executions.dead-letter", min_length=1, description="topic for bad records")
    control_topic: str = Field("executions.control", min_length=1, description="topic for commands to orchestrators")
    consumer_group: str = Field("execledger-recorder", min_length=1, description="Kafka consumer group")
    consumer_instance_id: str | None = Field(
        None, description="name in the group, kept by a restart: static membership"
    )

    recorder_metrics_host: str = Field("127.0.0.1", description="address of /metrics, /healthz and /readyz")
    recorder_metrics_port: int = Field(9464, ge=0, le=65535, description="port of /metrics, /healthz and /readyz")

    recorder_metrics_connections: int = Field(
        50, ge=1, le=10_000, description="connections there at once; the oldest goes first"
    )
    recorder_metrics_seconds: float = Field(10.0, gt=0, description="time limit of a request there, with its answer")

    # from a backlog, as a share of COPY alone (make bench, medians): 2,000 records reach 0.162, 4,000 reach 0.154
    batch_size: int = Field(2000, ge=1, le=100_000, description="records in one transaction at most")
    # at 4,000 events a second on 4 partitions, 0 ms: 179 µs an event and Postgres 119; 100 ms: 138 and 81, no more lag
    batch_wait_ms: int = Field(
        100, ge=0, le=10_000, description="from a batch of a partition to its next, unless that is full"
    )
    max_bytes_in_flight: int = Field(
        16_777_216, ge=1, description="bytes of records that wait to be recorded; then no more are fetched"
    )
    recorder_pool_size: int = Field(
        16, ge=4, le=500, description="database connections at most: one for each partition at work, and four"
    )
    statement_timeout_ms: int = Field(30_000, ge=100, description="time limit of a statement in Postgres")
    max_text_bytes: int = Field(65_536, ge=16_384, description="longer texts are cut, with a mark")
    max_json_bytes: int = Field(262_144, ge=16_384, description="larger inputs, outputs and metadata are cut")
    max_record_bytes: int = Field(2_097_152, ge=16_384, description="larger records are dead-lettered as too_large")
    max_dead_letter_bytes: int = Field(
        1_048_576, ge=1024, le=67_108_864, description="longer keys, values and headers of bad records are cut"
    )
    partition_monthly_days: int = Field(
        731, ge=0, le=36_600, description="partitions are months for ids so far back, years beyond that"
    )
    new_partitions_per_minute: int = Field(
        6, ge=1, le=1000, description="partitions made on demand; what needs more goes to the overflow range"
    )
    max_labels: int = Field(200, ge=1, le=1000, description="labels of one execution; more are left out: `capped`")
    max_tags: int = Field(200, ge=1, le=1000, description="tags of one execution; likewise")
    max_metadata_bytes: int = Field(
        262_144, ge=1024, le=1_048_576, description="metadata of one execution, or of a step, as JSON; likewise"
    )
    max_agents: int = Field(1000, ge=1, le=10_000, description="distinct agents of one execution; likewise")
    self_audit_interval_seconds: float = Field(
        30.0, ge=0, description="how often some executions are compared with the log; 0 for never"
    )
    self_audit_executions: int = Field(20, ge=0, le=1000, description="how many of them; 0 for none")
    watchdog_interval_seconds: float = Field(5.0, gt=0, description="how often overdue executions are looked for")
    circuit_probe_seconds: float = Field(5.0, gt=0, description="how often a stopped partition is looked at again")
    usage_interval_seconds: float = Field(
        5.0, gt=0, description="how often daily usage and roll-ups are summed, and daily limits checked"
    )
    feed_retention_hours: float = Field(24.0, gt=0, description="how long changes are kept for those who follow them")
    outbox_limit: int = Field(100_000, ge=1, description="messages that may wait for Kafka; then recording waits too")
    budget_warning_share: float = Field(0.8, gt=0, le=1, description="share of a budget at which a warning is sent")
    log_format: Shape = Field("json", description="shape of the log lines on stderr")

    @field_validator("topic_adapters", mode="after")
    @classmethod
    def _leaves_the_events_topic(cls, said: str | None, info: ValidationInfo) -> str | None:
        if (topic := info.data.get("events_topic")) in read_adapters(said or ""):
            raise ValueError(f"{topic} is the events topic, which holds CloudEvents")
        return said

    @field_validator("dead_letter_topic", "control_topic", mode="after")
    @classmethod
    def _is_a_topic_of_its_own(cls, topic: str, info: ValidationInfo) -> str:
        """A dead letter on a topic of events would be recorded as the next one, without end."""
        bound = Bindings.read(info.data.get("topic_tenants") or "").topics
        adapted = read_adapters(info.data.get("topic_adapters") or "")
        if topic in (info.data.get("events_topic"), info.data.get("dead_letter_topic"), *bound, *adapted):
            raise ValueError(f"{topic} is another topic's name already")
        return topic

    @property
    def bindings(self) -> Bindings:
        """What topics may speak for."""
        return Bindings.read(self.topic_tenants or "")

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that are read: the events topic, and each that is bound or has an adapter."""
        return consumed(self.events_topic, self.topic_tenants, self.topic_adapters)

    @property
    def translations(self) -> Mapping[str, Translation]:
        """How topics are read that hold the events of other systems."""
        bindings = self.bindings
        return {
            topic: Translation(adapter, bindings.only_tenant_of(topic) or _DEFAULT_TENANT)
            for topic, adapter in read_adapters(self.topic_adapters or "").items()
        }

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
    def command_policy(self) -> CommandPolicy:
        return CommandPolicy(self.control_topic, Decimal(str(self.budget_warning_share)))

    @property
    def partition_policy(self) -> PartitionPolicy:
        return PartitionPolicy(self.partition_monthly_days, self.new_partitions_per_minute)

    @property
    def caps(self) -> Caps:
        return Caps(self.max_labels, self.max_tags, self.max_metadata_bytes, self.max_agents)

    @property
    def limits(self) -> Limits:
        return Limits(self.max_text_bytes, self.max_json_bytes, self.max_record_bytes)


class Settings(RecordingSettings, KafkaSettings):
    """Each field is the variable EXECLEDGER_ and its name in capitals."""
