"""What is known of Kafka's records and of the log that they lie in: plain values."""

import struct
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

LATEST_MS: Final = 253_402_300_799_999  # the last of the year 9999: producers say when, and brokers may not mind

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one batch. Producers send a megabyte at once, if nobody told them otherwise, and events compress to a tenth or a
twentieth. Measured: 0.03 to 0.05 s until so much of a gigabyte is inflated, whatever it is compressed with."""

MOST_RECORDS: Final = 131_072
"""Of one batch that are read. Whoever reads on in its midst passes by those before: 0.1 s for so many."""


class Unread(bytes):
    """Stands for a value that nobody read: its batch comes to more than may be inflated, or is damaged."""


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
