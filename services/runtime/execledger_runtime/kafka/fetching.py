"""How much the Kafka client hands out at once, in bytes as they are read.

Its own limits count what lies on the wire: 146 KB of it may be 150 MB of records. It decompresses a batch when its
first record is asked for, so whoever stops asking keeps no more than one batch of each partition.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult

PARTITION_BYTES: Final = 2 * 1024 * 1024
"""Of each partition at once, about a batch of 2,000 records. A larger record comes all the same, alone or the last."""


def bound() -> None:
    """Let every consumer of this process hand out so much at once. It may be called again."""
    fetcher.FetchResult = BoundedResult


class BoundedResult(FetchResult):  # type: ignore[misc]  # aiokafka ships no types
    """What was fetched of a partition."""

    _partition_records: Iterable[ConsumerRecord] | None

    def getall(self, max_records: int | None = None) -> Sequence[ConsumerRecord]:
        """Records from where the last ones ended: so many, or so many bytes of them, at most."""
        if not self.check_assignment(self._topic_partition) or (fetched := self._partition_records) is None:
            return []
        handed_out: list[ConsumerRecord] = []
        size = 0
        for record in fetched:
            handed_out.append(record)
            size += size_of(record)
            if len(handed_out) == max_records or size >= PARTITION_BYTES:
                self._update_position()
                break
        else:
            self._update_position()
            self._partition_records = None
        return handed_out


def size_of(record: Any) -> int:
    """Bytes of what a record carries."""
    size = len(record.value or b"") + len(record.key or b"")
    return size + sum(len(name) + len(value or b"") for name, value in record.headers) if record.headers else size
