"""Questions to a Kafka cluster: does it answer, what topics has it, make those that are missing."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from execledger.stack.settings import StackSettings

TOPIC_ALREADY_EXISTS = 36


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is, or as it should be."""

    name: str
    partitions: int
    max_message_bytes: int


def wanted_topics(settings: StackSettings) -> tuple[Topic, ...]:
    """The topics of events, of dead letters and of commands that the settings describe."""
    size = settings.max_message_bytes
    return (
        *(Topic(name, settings.events_partitions, size) for name in settings.topics),
        # A dead letter holds a record that may have been as large as allowed, and why it died.
        Topic(settings.dead_letter_topic, 1, 2 * size),
        Topic(settings.control_topic, 1, size),
    )


async def cluster_id(bootstrap_servers: str, **options: Any) -> str:
    """The id of the cluster that answers at an address; raises what aiokafka raises when none does."""
    async with admin(bootstrap_servers, **options) as client:
        return str((await client.describe_cluster())["cluster_id"])


async def fault(bootstrap_servers: str, **options: Any) -> str | None:
    """Why no broker answers; None when one does."""
    try:
        await cluster_id(bootstrap_servers, **options)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"no answer ({type(error).__name__})"
    except (ValueError, AssertionError):
        return "the address cannot be read: write host:port, several with commas"
    return None


async def make_topics(bootstrap_servers: str, topics: Sequence[Topic]) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    async with admin(bootstrap_servers) as client:
        response = await client.create_topics([_new(topic) for topic in topics])
    for name, code, *_message in response.topic_errors:
        if code not in (0, TOPIC_ALREADY_EXISTS):
            raise for_code(code)(f"topic {name}")


async def existing_topics(bootstrap_servers: str, names: Sequence[str], **options: Any) -> dict[str, Topic]:
    """Those of the named topics that exist, as they are."""
    async with admin(bootstrap_servers, **options) as client:
        described = [topic for topic in await client.describe_topics() if topic["topic"] in names]
        if not described:
            return {}
        limits = await _message_limits(client, [topic["topic"] for topic in described])
    return {
        name: Topic(name, len(topic["partitions"]), limits[name]) for topic in described for name in [topic["topic"]]
    }


@asynccontextmanager
async def admin(bootstrap_servers: str, **options: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client with aiokafka's options; says nothing in the log about a broker that does not answer."""
    with _quiet():
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=10_000, **options)
        try:
            await client.start()
            yield client
        finally:
            await client.close()


def _new(topic: Topic) -> NewTopic:
    configs = {"max.message.bytes": str(topic.max_message_bytes)}
    # -1 is the cluster's default; aiokafka lets it pass only with assignments, of which there may be none.
    return NewTopic(topic.name, topic.partitions, -1, replica_assignments={}, topic_configs=configs)


async def _message_limits(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    responses: list[Any] = await client.describe_configs(resources)
    return {
        name: next(int(entry[1]) for entry in entries if entry[0] == "max.message.bytes")
        for response in responses
        for _code, _message, _type, name, entries in response.resources
    }


@contextmanager
def _quiet() -> Iterator[None]:
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
