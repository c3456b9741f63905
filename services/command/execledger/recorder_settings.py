"""The recorder's settings, for commands that do part of its work; a fault is told as commands tell faults."""

import logging
from typing import Any

from execledger.stack.settings import StackSettings, load, required_brokers, required_dsn
from execledger_recorder.settings import RecordingSettings
from execledger_runtime.kafka.settings import KafkaSettings


def names_kafka() -> bool:
    """Whether the environment says where Kafka is."""
    return load(StackSettings).kafka_bootstrap_servers is not None


def recording_settings() -> RecordingSettings:
    """As the recorder would read them; a UserError when the environment names no database."""
    required_dsn()
    return load(RecordingSettings)


def kafka_options() -> dict[str, Any]:
    """How to speak to the brokers that the environment names, as aiokafka's keyword arguments."""
    required_brokers()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the command says itself, in one line, what is wrong
    return load(KafkaSettings).kafka_options
