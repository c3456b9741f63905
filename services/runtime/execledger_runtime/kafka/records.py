"""What is known of Kafka's records and of the log that they lie in: plain values."""

import struct
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

LATEST_MS: Final = 253_402_300_799_999  # the last of the year 9999: producers say when, and brokers may not mind


class Extent(NamedTuple):
    """From where to where Kafka's log of a partition reaches; compaction takes records out of its midst."""

    start: int
    end: int
    is_compacted: bool


class Stretch(NamedTuple):
    """The offsets that Kafka's log holds from `start` up to `end`; it is known to be whole from `whole_from` on."""

    start: int
    end: int
    offsets: Sequence[int]
    whole_from: int


def digest(key: bytes | None, value: bytes | None, timestamp_ms: int) -> bytes:
    """By which a record is known again."""
    parts = (key, value)
    lengths = (-1 if part is None else len(part) for part in parts)
    numbers = struct.pack(">qqq", *lengths, min(timestamp_ms, LATEST_MS))
    hashed = sha256(numbers)
    for part in parts:
        hashed.update(part or b"")
    return hashed.digest()
