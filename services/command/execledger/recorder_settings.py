"""The recorder's settings, for commands that do part of its work; a fault is told as commands tell faults."""

import logging
from typing import Any

from pydantic_settings import SettingsConfigDict

from execledger.stack.settings import StackSettings, load, required_brokers, required_dsn
from execledger_recorder.settings import Settings


class _WithoutKafka(Settings):
    """For what asks Postgres alone."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    kafka_bootstrap_servers: str = "none"


class KafkaSettings(Settings):
    """For what asks Kafka alone."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    kafka_bootstrap_servers: str = "none"
    postgres_dsn: Any = None


def names_kafka() -> bool:
    """Whether the environment says where Kafka is."""
    return load(StackSettings).kafka_bootstrap_servers is not None


def recorder_settings(*, with_kafka: bool) -> Settings:
    """As the recorder would read them; a UserError when the database, or a Kafka that is needed, is not named."""
    required_dsn()
    if not with_kafka:
        return load(_WithoutKafka)
    _require_brokers()
    return load(Settings)


def kafka_options() -> dict[str, Any]:
    """How to speak to the brokers that the environment names, as aiokafka's keyword arguments."""
    _require_brokers()
    return load(KafkaSettings).kafka_options


def _require_brokers() -> None:
    required_brokers()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the command says itself, in one line, what is wrong
