"""Records with a header whose name is not UTF-8, which the Kafka client by itself cannot read, nor pass by.

It reads whole batches in C. A batch that it refuses for such a name is read here once more, by the client's own slower
reader, with U+FFFD in the names where they are not UTF-8; see docs/decisions/0013.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH: Final = slice(8, 12)  # of what follows, behind a batch's base offset
_OVERHEAD: Final = 12


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
        given = 0
        try:
            for record in self._inner:  # one by one: all at once they may be a thousand times what was fetched
                yield record
                given += 1
        except UnicodeDecodeError:
            yield from islice(_TolerantBatch(self._data), given, None)


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka ships no types
    def __iter__(self) -> Any:
        self._maybe_uncompress()
        self._buffer: bytearray = _Tolerant(self._buffer)
        return self


class _Tolerant(bytearray):
    """Bytes of which each part reads as text."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Tolerant(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
