"""Header names that are not UTF-8, and what of the Kafka client's inside we lean on: its next version may differ."""

import inspect
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from execledger_runtime.kafka.batches import TolerantRecords, tolerate
from odd_headers import NAME, READ, crooked

CHANGED = "aiokafka has changed inside: see docs/decisions/0013, and whether batches.py still does its work"


def batch(*names: str) -> bytes:
    """A batch with a record for each of these header names."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 100_000)
    for offset, name in enumerate(names):
        builder.append(offset, 1000 + offset, b"key", b"value %d" % offset, [(name, b"\xff"), ("even", None)])
    return bytes(builder.build())


def read(records: Any) -> list[tuple[Any, ...]]:
    """All that the records of every batch say."""
    found = []
    while records.has_next():
        said = records.next_batch()
        assert said.validate_crc()
        found += [(each.offset, each.timestamp, each.key, each.value, list(each.headers)) for each in said]
    return found


@pytest.mark.parametrize("compressed", [False, True])
def test_a_name_that_is_not_utf8_is_replaced_and_all_else_is_as_it_came(compressed: bool) -> None:
    data = batch("a", "b") + crooked(batch("a", NAME, "c"), compressed=compressed) + batch("d")
    said = read(TolerantRecords(data))
    assert [headers[0][0] for *_, headers in said] == ["a", "b", "a", READ, "c", "d"]
    plain = read(MemoryRecords(batch("a", "b") + batch("a", READ, "c") + batch("d")))
    assert said == plain


def test_batches_without_such_names_are_read_by_the_client_itself() -> None:
    data = batch("a", "b")
    inner, ours = MemoryRecords(data).next_batch(), TolerantRecords(data).next_batch()
    assert {type(record) for record in ours} == {type(record) for record in inner}
    said = ("base_offset", "next_offset", "producer_id", "is_control_batch", "is_transactional")
    assert [getattr(ours, name) for name in said] == [getattr(inner, name) for name in said]


def test_a_batch_that_was_cut_off_is_no_batch() -> None:
    data = batch("a") + batch("b")[:-5]
    assert len(read(TolerantRecords(data))) == 1
    assert TolerantRecords(data).size_in_bytes() == len(data)
    assert not TolerantRecords(batch("b")[:-5]).has_next()


def test_the_client_s_reader_of_fetches_uses_what_is_put_in_its_place() -> None:
    tolerate()
    assert fetcher.MemoryRecords is TolerantRecords, CHANGED
    source = inspect.getsource(fetcher)
    assert source.count("MemoryRecords(") == 1, CHANGED
    used = {"has_next", "next_batch", "size_in_bytes"}
    assert all(f"records.{name}(" in source for name in used), CHANGED
    assert "for record in next_batch:" in source, CHANGED
    with pytest.raises(UnicodeDecodeError):  # else aiokafka has mended it, and ours may go
        read(MemoryRecords(crooked(batch(NAME))))
