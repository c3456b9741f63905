"""Which tenants a topic, and the sources in it, may speak for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator

_FORM: Final = "should be topic[;source-prefix]=tenant[|tenant], several with commas"


class Binding(NamedTuple):
    """The sources that begin so speak for these tenants, and for no other."""

    source_prefix: str
    tenants: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bindings:
    """The bindings of each topic that has some, the longest prefix first; any other topic speaks for all tenants."""

    by_topic: Mapping[str, Sequence[Binding]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """As a setting says it. Raises ValueError.

        >>> Bindings.read("acme.events=acme, events;urn:umbra:=umbra|hive").topics
        ('acme.events', 'events')
        """
        by_topic = defaultdict[str, dict[str, frozenset[str]]](dict)
        for part in filter(None, map(str.strip, text.split(","))):
            bound, is_said, tenants = part.rpartition("=")
            topic, _, prefix = (word.strip() for word in bound.partition(";"))
            named = frozenset(tenant.strip() for tenant in tenants.split("|"))
            if not is_said or not topic or "" in named:
                raise ValueError(_FORM)
            if prefix in by_topic[topic]:
                raise ValueError(f"says twice what {topic}{prefix and ';'}{prefix} speaks for")
            by_topic[topic][prefix] = named
        return cls({topic: _longest_first(bindings) for topic, bindings in by_topic.items()})

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that are bound, in the order in which they were said."""
        return tuple(self.by_topic)

    def of(self, topic: str, source: str) -> Binding | None:
        """What binds a source in a topic that is bound: that with the longest prefix; None when none does."""
        return next((each for each in self.by_topic[topic] if source.startswith(each.source_prefix)), None)

    def only_tenant_of(self, topic: str) -> str | None:
        """The one tenant that a topic speaks for, whatever the source; None when there are several, or any."""
        bindings = self.by_topic.get(topic, ())
        tenants = {tenant for each in bindings for tenant in each.tenants}
        return tenants.pop() if len(tenants) == 1 and any(not each.source_prefix for each in bindings) else None


def _longest_first(bindings: Mapping[str, frozenset[str]]) -> Sequence[Binding]:
    return sorted((Binding(*each) for each in bindings.items()), key=lambda each: -len(each.source_prefix))


def _checked(text: str) -> str:
    Bindings.read(text)
    return text


TopicTenants = Annotated[str, AfterValidator(_checked)]
"""What `Bindings.read` reads."""
