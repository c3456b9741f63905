"""Where the reading of one partition stands, and how that changes."""

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic; equal to what the Kafka client calls so."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Place(Enum):
    """What is known of where to read on."""

    UNVERIFIED = "unverified"  # nothing, nor whether Kafka's log is still the one that the ledger is the account of
    LOST = "lost"  # nothing: it must be looked up in the ledger
    KNOWN = "known"


@dataclass(slots=True)
class Partition:
    """The reading of one partition of a topic."""

    id: TopicPartition
    place: Place = Place.UNVERIFIED
    next_offset: int | None = None
    """Where its ledger stands, by what was recorded or looked up here."""
    reads_from: int | None = None
    """From where the client reads: as it was told, or behind what it handed out."""
    seeks: int = 0
    """How often the client was told to read from somewhere: batches that were fetched before are void."""
    skips: Set[int] = frozenset()
    """Offsets that an operator wants skipped: what lies there may be what nobody can decode."""
    oldest_ms: int | None = None
    """Kafka timestamp of the oldest record that may be unrecorded, in milliseconds since 1970."""

    @property
    def is_lost(self) -> bool:
        """Whether the ledger must be asked before anything is recorded."""
        return self.place is not Place.KNOWN

    def is_void(self, seeks: int) -> bool:
        """Whether a batch must not be recorded that was fetched when the client had been told so often."""
        return self.is_lost or seeks != self.seeks

    def went_back(self, offset: int) -> bool:
        """Whether the client began anew where the log begins, as it does when the log ends before our place."""
        return self.next_offset is not None and offset < self.next_offset

    def lose(self, *, verify: bool = False) -> None:
        """Its place must be looked up; with `verify` also whether Kafka's log is still the same."""
        self.place = Place.UNVERIFIED if verify or self.place is Place.UNVERIFIED else Place.LOST

    def find(self, offset: int) -> None:
        """The ledger stands there, and the client was told to read from there."""
        self.place, self.next_offset, self.oldest_ms = Place.KNOWN, offset, None
        self.return_to(offset)

    def return_to(self, offset: int) -> None:
        """The client was told to read from there."""
        self.reads_from = offset
        self.seeks += 1

    def take_front(self, offset: int) -> int:
        """From where on the client found nothing before this offset: so much a fetch shows to be empty."""
        start, self.reads_from = self.reads_from, None
        return offset if start is None else start

    def record(self, offset: int) -> None:
        """Everything up to this offset is recorded."""
        self.next_offset = offset + 1
