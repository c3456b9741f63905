"""Records claim no offset that is another's, whatever a producer wrote into its batch."""

import pytest
from aiokafka.record.memory_records import MemoryRecords

from bombs import leaping, plain_batch
from execledger_runtime.kafka.batches import TolerantRecords
from execledger_runtime.kafka.records import Unread


def read(data: bytes) -> list[tuple[int, bool]]:
    """Offset of all records of a batch, and whether each was read."""
    return [(each.offset, not isinstance(each.value, Unread)) for each in TolerantRecords(data).next_batch()]


@pytest.mark.parametrize("ahead", [100, 1500, 8000])
def test_a_record_that_the_client_reads_ahead_of_its_place_is_not_read_and_has_its_place(ahead: int) -> None:
    data = leaping(ahead, [b"{}", b"{}"])
    assert [each.offset for each in MemoryRecords(data).next_batch()] == [0, 1, ahead]  # else it would be harmless
    assert read(data) == [(0, True), (1, True), (2, False)]


def test_two_records_of_one_place_are_not_both_read() -> None:
    batch = bytearray(plain_batch([b"first", b"again"]))
    at = batch.index(b"\x02\x06key\x0aagain")  # the second's place within its batch, as Kafka writes 1
    batch[at] = 0
    assert [each.offset for each in MemoryRecords(bytes(batch)).next_batch()] == [0, 0]
    assert read(bytes(batch)) == [(0, True), (1, False)]
