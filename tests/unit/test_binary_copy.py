"""What the encoder of COPY's binary format refuses, and how much it holds at once."""

import struct
from typing import Any

import pytest

from execledger_recorder.store.binary_copy import Column, Copier
from execledger_runtime.errors import Unstorable

ID = "0190163d-8694-739b-aea5-966c26f8ad91"
COLUMNS = (Column("id", "uuid", False), Column("count", "bigint", True), Column("said", "text", True))
GOOD: tuple[Any, ...] = (ID, 1, "said")


def copied(*rows: tuple[Any, ...], columns: tuple[Column, ...] = COLUMNS) -> bytes:
    return b"".join(Copier(columns).chunks(rows))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param((ID, 2**63, ""), "count: ", id="an integer beyond its range"),
        pytest.param((ID, 1, "\ud800"), "said: .*surrogate", id="a lone surrogate"),
        pytest.param((None, 1, ""), "id: null", id="no value where there must be one"),
        pytest.param((ID[:-1], 1, ""), "id: ", id="a uuid that is too short"),
        pytest.param((ID.replace("-", ""), 1, ""), "id: no uuid", id="a uuid without its hyphens"),
    ],
)
def test_what_a_column_cannot_hold_is_unstorable_and_the_column_is_named(row: tuple[Any, ...], why: str) -> None:
    with pytest.raises(Unstorable, match=why):
        copied(GOOD, row, GOOD)


@pytest.mark.parametrize("row", [(ID, "1", ""), (ID, 1, b""), (ID, 1.5, ""), (7, 1, "")])
def test_a_value_of_another_type_is_a_bug(row: tuple[Any, ...]) -> None:
    with pytest.raises((struct.error, TypeError)):
        copied(GOOD, row)


def test_a_column_of_a_type_that_is_not_known_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Copier([Column("at", "interval", False)])


def test_a_row_that_is_too_short_is_a_bug() -> None:
    with pytest.raises(ValueError, match="shorter"):
        copied(GOOD, GOOD[:2])


def test_large_rows_are_not_held_together() -> None:
    columns = (Column("id", "uuid", False), Column("raw", "json", True))
    rows = [(ID, "x" * 400_000), (ID, None), (ID, "{}")] * 20
    sizes = [len(chunk) for chunk in Copier(columns).chunks(rows)]
    assert max(sizes) < 600_000
    assert sum(sizes) > 8_000_000
