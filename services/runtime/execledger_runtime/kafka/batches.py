"""Batches that the Kafka client by itself cannot read, nor pass by: too large once inflated, or with odd names.

It reads whole batches in C. A batch that it refuses for a name that is not UTF-8 is read here once more, by the
client's own slower reader, with U+FFFD in the names where they are not (docs/decisions/0013). Of one that comes to more
than may be inflated the first records are read, and the places of the others given (docs/decisions/0030). So also where
a record claims an offset that is not its own (docs/decisions/0046).
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from execledger_runtime.kafka.inflating import HEADER, Inflated, UnreadRecord, inflate
from execledger_runtime.kafka.records import MOST_RECORDS

_LENGTH: Final = slice(8, 12)  # of what follows, behind a batch's base offset
_OVERHEAD: Final = 12
_NUMBER: Final = slice(57, 61)  # of records
_MAGIC: Final = 2
_LONGEST_LENGTH: Final = 5


def tolerate() -> None:
    """Let every consumer of this process read such records. It may be called again."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """The batches of one answer to a fetch, as the client's own class of them, which does the work."""

    def __init__(self, data: bytes) -> None:
        self._inner = MemoryRecords(data)
        self._rest = memoryview(data or b"")

    def size_in_bytes(self) -> int:
        return int(self._inner.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._inner.has_next())

    def next_batch(self) -> "_Batch":
        batch = self._inner.next_batch()
        size = _OVERHEAD + int.from_bytes(self._rest[_LENGTH], "big")
        data, self._rest = self._rest[:size], self._rest[size:]
        return _Batch(batch, data)


class _Batch:
    """A batch of the client's own class in all, but in how its records are read."""

    def __init__(self, inner: Any, data: memoryview) -> None:
        self._inner = inner
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __next__(self) -> Any:
        return next(self._inner)

    def __iter__(self) -> Iterator[Any]:
        if self._inner.magic < _MAGIC:  # nothing writes such batches any more
            yield from self._inner
            return
        inflated = inflate(self._data)
        given = 0
        for record in islice(self._in_place(_records(inflated)), MOST_RECORDS):  # one by one: all would fill memory
            yield record
            given += 1
        yield from self._unread(given)

    def _in_place(self, records: Iterator[Any]) -> Iterator[Any]:
        """Until one claims an offset that is not its own to have: past its batch, or not behind the one before it."""
        least, end = int(self._inner.base_offset), self._inner.next_offset
        for record in records:
            if not least <= record.offset < end:
                return
            least = record.offset + 1
            yield record

    def _unread(self, given: int) -> Iterator[UnreadRecord]:
        """The places of those behind the ones that were given, which are the last ones of the batch."""
        number = int.from_bytes(self._data[_NUMBER], "big")
        end = self._inner.next_offset
        for offset in range(end - number + given, end):
            yield UnreadRecord(offset, self._inner.max_timestamp, self._inner.timestamp_type)


def _records(inflated: Inflated) -> Iterator[Any]:
    """As far as they are whole."""
    given = 0
    with suppress(CorruptRecordException):
        if inflated.is_whole:
            try:
                for record in DefaultRecordBatch(inflated.data):
                    yield record
                    given += 1
            except UnicodeDecodeError:
                pass
            else:
                return
        yield from islice(_TolerantBatch(inflated.data), given, None)


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, data: Any) -> None:
        super().__init__(data[:HEADER])
        self._buffer: bytearray = _Tolerant(data)

    def __next__(self) -> Any:
        """Only a record that is there as a whole: the client reads lengths without a look at where its bytes end."""
        if self._end() > len(self._buffer):
            raise StopIteration
        return super().__next__()

    def _end(self) -> int:
        """Where the next record ends: behind a number of bytes, written in sevens of bits and in zigzag, and those."""
        number = 0
        for place, byte in enumerate(bytes(self._buffer[self._pos : self._pos + _LONGEST_LENGTH])):
            number |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return int(self._pos) + place + 1 + (number >> 1 ^ -(number & 1))
        return len(self._buffer) + 1


class _Tolerant(bytearray):
    """Bytes of which each part reads as text."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Tolerant(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
