"""When nearly everything is bad, a bad deploy is more likely than so many bad messages: the partition is stopped.

Unless another source is good: then one producer is bad, and who shares a partition with it does not wait for it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from execledger_recorder.rules.partition import TopicPartition

LOOK: Final = 100
"""Records that are judged by: so many must have come, and no older ones count."""

_MOST_BAD: Final = 90
_LEAST_GOOD_SHARE: Final = 0.5

_OF_A_SOURCE: Final = 10  # its latest records, by most of which it is good
_HEARD: Final = 1000  # records among which the last of a source must be for it to count

Seen = tuple[int, bool, str | None]
"""Offset of a record, whether it is bad, its source; None are those that name none."""
Look = Sequence[tuple[bool, str | None]]
"""Of some records, whether each is bad, and its source."""


class Stop(NamedTuple):
    """A partition is to be stopped at an offset, for so many of the records seen were bad."""

    topic: str
    partition: int
    at_offset: int
    seen: int
    bad: int


class Circuit(NamedTuple):
    """A partition that is held back, or drained up to an offset."""

    topic: str
    partition: int
    opened_at: datetime
    at_offset: int
    seen: int
    bad: int
    drain_until: int | None

    @property
    def id(self) -> TopicPartition:
        """The partition, and whose."""
        return TopicPartition(self.topic, self.partition)


@dataclass(slots=True)
class Source:
    """What is known of one source in a partition."""

    latest: deque[bool]
    heard_at: int = 0  # how many records were seen before its last


class Sources:
    """The sources of the latest records of a partition, each with whether its own are bad: so many of its latest."""

    def __init__(self, of_each: int = _OF_A_SOURCE) -> None:
        self._of_each = of_each
        self._seen = 0
        self._known: dict[str | None, Source] = {}
        self._good: str | None = None

    def add(self, source: str | None, *, is_bad: bool) -> None:
        """Take in a record."""
        if (known := self._known.get(source)) is None:
            known = self._known[source] = Source(deque(maxlen=self._of_each))
            self._forget_oldest()
        self._seen += 1
        known.heard_at = self._seen
        known.latest.append(is_bad)

    def is_one_good(self) -> bool:
        """Whether most of the latest records of a source are good that was heard lately."""
        if not self.is_good(self._good):  # one that was good is asked first: among a thousand, each bad record asks
            self._good = next(filter(self.is_good, self._known), None)
        return self.is_good(self._good)

    def is_good(self, source: str | None) -> bool:
        """Whether most of its latest records are good, and it was heard lately."""
        known = self._known.get(source)
        return known is not None and self._seen - known.heard_at < _HEARD and _is_good(known.latest)

    def _forget_oldest(self) -> None:
        if len(self._known) > 2 * _HEARD:
            self._known = {name: each for name, each in self._known.items() if self._seen - each.heard_at < _HEARD}


class Ahead:
    """The look at all that came since a partition was stopped: it goes on from probe to probe."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit: Final = circuit
        self.position = circuit.at_offset
        self._sources = Sources(LOOK)

    def sees_good(self, page: Look, position: int) -> bool:
        """Take in what lies before that offset; whether most of the latest records of a source in it are good.

        Of LOOK of its own, not of all: one that sends a record in ten thousand is heard like any other.
        """
        for is_bad, source in page:
            self._sources.add(source, is_bad=is_bad)
        self.position = position
        return any(map(self._sources.is_good, {source for _, source in page}))


def _latest() -> deque[tuple[int, bool]]:
    return deque(maxlen=LOOK)


@dataclass(slots=True)
class Breaker:
    """The circuit breaker of one partition: what is known of its latest records, and whether they stopped it."""

    circuit: Circuit | None = None
    latest: deque[tuple[int, bool]] = field(default_factory=_latest)
    sources: Sources = field(default_factory=Sources)
    ahead: Ahead | None = None
    spared: list[str | None] = field(default_factory=list)
    """Sources whose records did not stop it in the last batch, for others are good."""

    @property
    def stopped(self) -> Circuit | None:
        """The circuit while it holds the partition back."""
        return self.circuit if self.circuit is not None and self.circuit.drain_until is None else None

    @property
    def drain_until(self) -> int:
        """Records below this offset are let through, however bad they are."""
        return 0 if self.circuit is None or self.circuit.drain_until is None else self.circuit.drain_until

    def look_ahead(self, circuit: Circuit) -> Ahead:
        """The look at what that one holds back, from where it has come to."""
        if self.ahead is None or self.ahead.circuit != circuit:
            self.ahead = Ahead(circuit)
        return self.ahead

    def holds_back(self, offset: int) -> bool:
        """Whether a record must wait."""
        stopped = self.stopped
        return stopped is not None and offset >= stopped.at_offset

    def look(self, partition: TopicPartition, batch: Iterable[Seen]) -> Stop | None:
        """Take in a batch; whether to stop the partition, at the first bad record in it that speaks for that."""
        first = None
        self.spared = []
        for offset, is_bad, source in batch:
            first = offset if first is None else first
            self.sources.add(source, is_bad=is_bad)
            if offset < self.drain_until:
                continue
            self.latest.append((offset, is_bad))
            if is_bad and (stop := self._stop(partition, first)) is not None:
                if not self.sources.is_one_good():
                    self.latest.clear()
                    return stop
                self.spared.append(source)
        return None

    def _stop(self, partition: TopicPartition, first: int) -> Stop | None:
        bad = [offset for offset, was_bad in self.latest if was_bad]
        if len(self.latest) < LOOK or len(bad) < _MOST_BAD:
            return None
        return Stop(*partition, max(bad[0], first), LOOK, len(bad))


def accepting(stopped: Stop | Circuit) -> str:
    """The command that lets a stopped partition drain."""
    return f"execledger dead-letters accept {stopped.partition} --topic {stopped.topic}"


def is_mended(held: Look, newest: Look) -> bool:
    """Whether half of what is held back can be read by now, or half of what came last, or most of one source of that.

    Fewer held back than are judged by say nothing by themselves: they are among the newest.
    """
    if len(held) == LOOK and _is_half_good([is_bad for is_bad, _ in held]):
        return True
    by_source: dict[str | None, list[bool]] = {}
    for is_bad, source in newest:
        by_source.setdefault(source, []).append(is_bad)
    return _is_half_good([is_bad for is_bad, _ in newest]) or any(map(_is_good, by_source.values()))


def _is_good(source: Sequence[bool]) -> bool:
    return source.count(False) * 2 > len(source)


def _is_half_good(look: Sequence[bool]) -> bool:
    return bool(look) and look.count(False) >= len(look) * _LEAST_GOOD_SHARE
