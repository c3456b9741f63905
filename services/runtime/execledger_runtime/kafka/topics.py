"""How Kafka keeps a topic, and which of that endangers the events in it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

SHORTEST_RETENTION_MS: Final = 24 * 60 * 60 * 1000
"""What a recorder may stand still for, over a night say, before Kafka deletes what it has not read."""

_WANTED: Final = ("cleanup.policy", "retention.ms")


class Danger(StrEnum):
    """A way of keeping a topic by which events are lost."""

    COMPACTED = "compacted"
    SHORT_RETENTION = "short_retention"
    UNDER_REPLICATED = "under_replicated"


ADVICE: Final[Mapping[Danger, str]] = {
    Danger.COMPACTED: "Compaction deletes all but the last event of each key: set cleanup.policy=delete.",
    Danger.SHORT_RETENTION: "Kafka deletes what a recorder that stands still has not read: set retention.ms to a day "
    "or more.",
    Danger.UNDER_REPLICATED: "Replicas do not keep up with their leaders: if those fail, events are lost. See that all "
    "brokers are there.",
}


class Keeping(NamedTuple):
    """How a topic is kept; -1 ms is for ever."""

    cleanup_policy: str
    retention_ms: int
    partitions_behind: int  # of those with several replicas: not all of them are in sync

    @property
    def dangers(self) -> list[Danger]:
        """What of it endangers events."""
        deletes = "delete" in self.cleanup_policy
        found = {
            Danger.COMPACTED: "compact" in self.cleanup_policy,
            Danger.SHORT_RETENTION: deletes and 0 <= self.retention_ms < SHORTEST_RETENTION_MS,
            Danger.UNDER_REPLICATED: self.partitions_behind > 0,
        }
        return [danger for danger, is_there in found.items() if is_there]

    def fact(self, danger: Danger) -> str:
        """What endangers them, in words."""
        match danger:
            case Danger.COMPACTED:
                return f"cleanup.policy={self.cleanup_policy}"
            case Danger.SHORT_RETENTION:
                return f"retention.ms={self.retention_ms}, which is {self.retention_ms / 3_600_000:.1f} h"
            case Danger.UNDER_REPLICATED:
                return f"{self.partitions_behind} partition(s) with replicas that are not in sync"


async def keeping(kafka_options: Mapping[str, Any], topic: str) -> Keeping | None:
    """How a topic is kept; None when there is none of that name, or we may not know. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**kafka_options)
    try:
        await admin.start()
        [described] = await admin.describe_topics([topic])
        settings = await _settings(admin, topic)
    finally:
        await admin.close()
    if not described["partitions"] or not settings.keys() >= set(_WANTED):
        return None
    behind = sum(len(each["isr"]) < len(each["replicas"]) for each in described["partitions"])
    return Keeping(settings["cleanup.policy"], int(settings["retention.ms"]), behind)


async def _settings(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(_WANTED))
    responses: list[Any] = await admin.describe_configs([resource])
    return {
        str(entry[0]): str(entry[1])
        for response in responses
        for _code, _message, _type, _name, entries in response.resources
        for entry in entries
    }
