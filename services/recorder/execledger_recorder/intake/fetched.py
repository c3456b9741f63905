"""What the client handed out at once, and the same decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord

from execledger_recorder.recording import Read
from execledger_runtime.kafka.fetching import size_of
from execledger_runtime.kafka.records import LATEST_MS

_RECORD_BYTES: Final = 500  # what a record takes beside its key and value


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records that the client handed out at once, after it had been told so often to read from somewhere."""

    records: Sequence[ConsumerRecord]
    seeks: int
    oldest_ms: int
    size: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """The same records, decoded at that moment of the monotonic clock."""

    fetched: Fetched
    reads: Sequence[Read]
    at: float


def fetched_of(records: Sequence[ConsumerRecord], seeks: int) -> Fetched:
    """Records, handed out when the client had been told so often to read from somewhere."""
    oldest_ms = min(max(record.timestamp, 0) for record in records)  # producers say when, and their clocks differ
    size = sum(_RECORD_BYTES + size_of(record) for record in records)
    return Fetched(records, seeks, min(oldest_ms, LATEST_MS), size)
