"""Which topics hold the events of other systems, and by which adapter those are read."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

from execledger_contracts.adapters.names import ADAPTERS
from execledger_runtime.kafka.bindings import Bindings

_FORM: Final = "should be topic=adapter, several with commas"


def read_adapters(said: str) -> Mapping[str, str]:
    """The adapter of each topic, as a setting says it. Raises ValueError.

    >>> read_adapters("lineage=openlineage")
    {'lineage': 'openlineage'}
    """
    by_topic: dict[str, str] = {}
    for part in filter(None, map(str.strip, said.split(","))):
        topic, is_said, adapter = (word.strip() for word in part.partition("="))
        if not is_said or not topic or not adapter:
            raise ValueError(_FORM)
        if adapter not in ADAPTERS:
            raise ValueError(f"{adapter} is no adapter: there are {', '.join(sorted(ADAPTERS))}")
        if topic in by_topic:
            raise ValueError(f"says twice what reads {topic}")
        by_topic[topic] = adapter
    return by_topic


def consumed(events_topic: str, topic_tenants: str | None, topic_adapters: str | None) -> tuple[str, ...]:
    """The topics that a recorder reads: that of events, then those that are bound to tenants or have an adapter."""
    bound, adapted = Bindings.read(topic_tenants or "").topics, read_adapters(topic_adapters or "")
    return tuple(dict.fromkeys((events_topic, *bound, *adapted)))


def _checked(said: str) -> str:
    read_adapters(said)
    return said


TopicAdapters = Annotated[str, AfterValidator(_checked)]
"""What `read_adapters` reads."""
