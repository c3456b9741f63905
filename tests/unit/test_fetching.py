"""What the Kafka client hands out at once of what lies compressed on the wire."""

import inspect
import tracemalloc
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from execledger_runtime.kafka.batches import TolerantRecords
from execledger_runtime.kafka.fetching import PARTITION_BYTES, BoundedResult, bound

PLACE = TopicPartition("events", 0)
CHANGED = "aiokafka has changed inside: see whether fetching.py still does its work"
LARGE = 8 * 1024 * 1024


def batch(offset: int, *values: bytes) -> bytes:
    """Records as Kafka sends them, compressed."""
    builder = DefaultRecordBatchBuilder(2, 1, 0, -1, -1, -1, 2 * LARGE)
    for number, value in enumerate(values):
        builder.append(number, 0, None, value, [])
    return (offset).to_bytes(8, "big") + bytes(builder.build())[8:]


class Fetched(BoundedResult):
    """Of a partition that stays assigned, and is read by nobody else."""

    def __init__(self, data: bytes) -> None:
        self.state = SimpleNamespace(position=0, paused=False)
        self.state.consumed_to = lambda offset: setattr(self.state, "position", offset)
        assignment = SimpleNamespace(active=True, state_value=lambda place: self.state)
        records = PartitionRecords(PLACE, TolerantRecords(data), [], 0, None, None, False, READ_COMMITTED)
        super().__init__(PLACE, assignment=assignment, partition_records=records, backoff=0)


def handed_out(fetched: Fetched, most: int = 2000) -> list[list[int]]:
    """The offsets, by call."""
    calls: list[Any] = []
    while fetched.has_more():
        calls.append([record.offset for record in fetched.getall(most)])
        assert not calls[-1] or fetched.state.position == calls[-1][-1] + 1
    return calls


def test_records_come_together_as_far_as_their_bytes_allow() -> None:
    half = bytes(PARTITION_BYTES // 2)
    assert handed_out(Fetched(batch(0, b"a", half, b"b", half, b"c") + batch(5, half))) == [[0, 1, 2, 3], [4, 5]]


def test_a_record_larger_than_that_comes_all_the_same() -> None:
    assert handed_out(Fetched(batch(0, bytes(LARGE), b"a"))) == [[0], [1]]


def test_so_many_records_come_at_most() -> None:
    assert handed_out(Fetched(batch(0, b"a", b"b", b"c")), 2) == [[0, 1], [2]]


def test_of_what_is_large_once_it_is_read_one_batch_is_in_memory() -> None:
    data = b"".join(batch(n, bytes(LARGE)) for n in range(8))
    assert len(data) < PARTITION_BYTES
    tracemalloc.start()
    try:
        assert handed_out(Fetched(data), 2000)[:8] == [[n] for n in range(8)]
        assert tracemalloc.get_traced_memory()[1] < 5 * LARGE
    finally:
        tracemalloc.stop()


def test_the_client_hands_out_what_is_put_in_its_place() -> None:
    bound()
    assert fetcher.FetchResult is BoundedResult
    assert "FetchResult(" in inspect.getsource(fetcher.Fetcher), CHANGED
