"""What lies compressed on the wire, inflated as far as it may be: a megabyte there may be gigabytes of records.

The Kafka client inflates a batch whole. Here it becomes one that is not compressed, and ends where the most is reached.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import cramjam
from aiokafka.errors import CorruptRecordException

from execledger_runtime.kafka.records import MOST_BYTES, Unread

HEADER: Final = 61
"""Bytes of a batch before its records, in message format 2 (KIP-98)."""

_LIKELY: Final = 8
"""Times as long as it is packed: so much room is tried first. Room for the most would take 4 ms a batch."""
_MORE: Final = 4

_ATTRIBUTES: Final = slice(21, 23)
_CODEC: Final = 0x07
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16

_InflateInto = Callable[[bytes, memoryview], int]
"""Inflates into the room that there is, and says how much it came to; DecompressionError when there is too little."""


class UnreadRecord(NamedTuple):
    """A record of which only the place is known, as the client's own records show theirs; times in ms."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: None = None
    value: Unread = Unread()
    headers: tuple[()] = ()
    checksum: None = None


class Inflated(NamedTuple):
    """A batch without its compression, and whether that is all of it."""

    data: Any
    is_whole: bool


def inflate(data: memoryview, most: int = MOST_BYTES) -> Inflated:
    """A batch of Kafka's without its compression, as far as `most` bytes; one that has none as it is.

    What cannot be inflated ends it too. Raises CorruptRecordException for a codec that is not known.
    """
    codec = int.from_bytes(data[_ATTRIBUTES], "big") & _CODEC
    if not codec:
        return Inflated(data, is_whole=True)
    if codec not in _INFLATE:
        raise CorruptRecordException(f"compressed by a codec that is not known: {codec}")
    records, is_whole = _inflate(_INFLATE[codec], bytes(data[HEADER:]), most)
    records[:HEADER] = data[:HEADER]
    records[_ATTRIBUTES.stop - 1] &= ~_CODEC
    return Inflated(records, is_whole)


def _inflate(inflate_into: _InflateInto, packed: bytes, most: int) -> tuple[bytearray, bool]:
    """Room for a header, and what is packed, in as little room as does; and whether it is all."""
    room = min(_LIKELY * max(len(packed), 1), most)
    while True:
        inflated = bytearray(HEADER + room)
        with memoryview(inflated)[HEADER:] as rest:
            try:
                size, is_whole = inflate_into(packed, rest), True
            except cramjam.DecompressionError:
                size, is_whole = _written(inflate_into, packed, rest) if room == most else 0, False
        if is_whole or room == most:
            del inflated[HEADER + size :]
            return inflated, is_whole
        room = min(_MORE * room, most)


def _written(inflate_into: _InflateInto, packed: bytes, over_zeros: memoryview) -> int:
    """How far it came, which nobody says: as far as what it writes over other bytes is the same."""
    over_ones = memoryview(bytearray(b"\xff") * len(over_zeros))
    try:
        inflate_into(packed, over_ones)
    except _BlockError as error:
        return error.size
    except cramjam.DecompressionError:
        pass
    least, most = 0, len(over_zeros)
    while least < most:
        middle = (least + most + 1) // 2
        if over_zeros[least:middle] == over_ones[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


class _BlockError(cramjam.DecompressionError):
    """A block ended before it was whole, and left anything behind those before it, which are `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size: Final = size


def _snappy_into(packed: bytes, room: memoryview) -> int:
    """By blocks as Java writes them, or as one block."""
    size = 0
    for block in _snappy_blocks(packed):
        try:
            size += cramjam.snappy.decompress_raw_into(block, room[size:])
        except cramjam.DecompressionError as error:
            raise _BlockError(size) from error
    return size


def _snappy_blocks(packed: bytes) -> Iterator[bytes]:
    if not packed.startswith(_XERIAL):
        yield packed
        return
    at = _XERIAL_HEADER
    while at < len(packed):
        begin = at + 4
        at = begin + int.from_bytes(packed[at:begin], "big")
        yield packed[begin:at]


_INFLATE: Final[Mapping[int, _InflateInto]] = {
    1: cramjam.gzip.decompress_into,
    2: _snappy_into,
    3: cramjam.lz4.decompress_into,
    4: cramjam.zstd.decompress_into,
}
