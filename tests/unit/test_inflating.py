"""What lies compressed is read as far as it may be inflated, and of what lies behind the places are given."""

import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from bombs import CODECS, bomb, many, plain_batch, raw_snappy
from execledger_runtime.kafka import batches
from execledger_runtime.kafka.batches import TolerantRecords
from execledger_runtime.kafka.inflating import HEADER, inflate
from execledger_runtime.kafka.records import MOST_BYTES, MOST_RECORDS, Unread

GIGABYTE = 1_000_000_000
values = st.lists(st.binary(max_size=60) | st.none(), min_size=1, max_size=30)
codecs = st.sampled_from([*CODECS, "raw snappy"])


def packed(codec: str, records: Sequence[bytes | None]) -> bytes:
    return raw_snappy(plain_batch(records, "snappy")) if codec == "raw snappy" else plain_batch(records, codec, 7)


@contextmanager
def at_most(most: int) -> Iterator[None]:
    with patch.object(batches, "inflate", partial(inflate, most=most)):
        yield


def read(data: bytes) -> list[tuple[int, bytes | None, bool]]:
    """Offset and value of all records, and whether each was read."""
    records, found = TolerantRecords(data), []
    while records.has_next():
        found += [(each.offset, each.value, not isinstance(each.value, Unread)) for each in records.next_batch()]
    return found


@given(values, codecs, st.integers(0, 3000))
def test_records_are_read_as_they_are_until_the_most_is_reached_and_none_is_left_out(
    records: Sequence[bytes | None], codec: str, most: int
) -> None:
    data = packed(codec, records)
    as_it_is = MemoryRecords(data).next_batch()
    expected = [(each.offset, each.timestamp, each.key, each.value) for each in as_it_is]
    size = len(plain_batch(records)) - HEADER
    with at_most(most):
        said = TolerantRecords(data).next_batch()
        found = [(each.offset, each.timestamp, each.key, each.value) for each in said]
    whole = [each for each in found if not isinstance(each[3], Unread)]
    assert [each[0] for each in found] == [each[0] for each in expected]
    assert whole == expected[: len(whole)]
    if most >= size:
        assert found == expected
    else:
        assert len(whole) < len(records)


@given(values, codecs, st.integers(0, 200))
def test_what_is_cut_off_is_never_read_as_something_else(
    records: Sequence[bytes | None], codec: str, place: int
) -> None:
    data = bytearray(packed(codec, records))
    del data[HEADER + place % (len(data) - HEADER) :]  # the rest of the stream is missing
    data[8:12] = (len(data) - 12).to_bytes(4, "big")
    with at_most(5000):
        found, expected = read(bytes(data)), read(packed(codec, records))
    assert [offset for offset, *_ in found] == [offset for offset, *_ in expected]
    assert all(each == was for each, was in zip(found, expected, strict=True) if each[2])


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_gigabyte_that_is_a_megabyte_on_the_wire_costs_its_neighbours_in_the_batch_little(codec: str) -> None:
    data = bomb(codec, GIGABYTE, [b"before"] * 3, [b"after"] * 2)
    assert len(data) < 1_048_588
    tracemalloc.start()
    try:
        found = read(data)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * MOST_BYTES
    finally:
        tracemalloc.stop()
    assert found == [(n, b"before", True) for n in range(3)] + [(n, b"", False) for n in range(3, 6)]


def test_of_very_many_records_the_first_are_read() -> None:
    found = read(many("zstd", MOST_RECORDS + 5))
    assert [is_read for *_, is_read in found] == [True] * MOST_RECORDS + [False] * 5
    assert [offset for offset, *_ in found] == list(range(MOST_RECORDS + 5))


def test_a_codec_that_nobody_knows_is_said() -> None:
    data = bytearray(plain_batch([b"value"]))
    data[22] |= 7
    with pytest.raises(CorruptRecordException, match="codec that is not known: 7"):
        read(bytes(data))
