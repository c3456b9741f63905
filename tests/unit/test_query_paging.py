"""Cursors and pages."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_query.errors import InvalidCursorError
from execledger_query.paging import _checksum, read_cursor, split, write_cursor

WRITABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
KEYS = st.tuples(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.uuids(),
    st.text(WRITABLE, max_size=255),
    st.integers(-(2**63), 2**63 - 1),
)
KINDS = (datetime, UUID, str, int)


@given(KEYS, st.text(WRITABLE))
def test_a_cursor_gives_back_the_key_that_it_was_made_of(key: tuple[Any, ...], scope: str) -> None:
    assert read_cursor(scope, write_cursor(scope, key), KINDS) == key


def test_the_longest_key_has_a_cursor_that_is_read() -> None:
    key = (datetime(2026, 3, 1, tzinfo=UTC), "😀" * 255, 2**31 - 1, 2**31 - 1)
    kinds = (datetime, str, int, int)
    assert read_cursor("list", write_cursor("list", key), kinds) == key


@given(KEYS)
def test_a_cursor_belongs_to_one_list_with_its_filters(key: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidCursorError):
        read_cursor("failed executions", write_cursor("all executions", key), KINDS)


@given(KEYS, st.data())
def test_a_cursor_with_a_character_changed_is_refused(key: tuple[Any, ...], data: st.DataObject) -> None:
    cursor = write_cursor("list", key)
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:place] + data.draw(st.sampled_from("AZaz09-_=+/ é")) + cursor[place + 1 :]
    try:
        assert read_cursor("list", changed, KINDS) == key  # the last bits of base64 may mean nothing
    except InvalidCursorError:
        assert changed != cursor


def test_a_cursor_that_is_nested_deep_is_refused_though_its_checksum_is_right() -> None:
    payload = b"[" * 12_000
    forged = urlsafe_b64encode(_checksum("list", payload) + payload).rstrip(b"=").decode()
    with pytest.raises(InvalidCursorError):
        read_cursor("list", forged, KINDS)


@given(st.text())
def test_any_other_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        read_cursor("list", text, KINDS)


@pytest.mark.parametrize("key", [("x",), (1, 2), ("\0",), (2**63,), (True,), ("\ud800",)], ids=repr)
def test_a_key_that_no_column_holds_is_refused_here_and_not_by_the_database(key: tuple[Any, ...]) -> None:
    for kind in KINDS:
        if (kind, key) == (str, ("x",)):
            continue
        with pytest.raises(InvalidCursorError):
            read_cursor("list", write_cursor("list", key), (kind,))


def test_the_last_page_says_that_it_is_the_last() -> None:
    assert split([5, 4, 3], 3, lambda row: (row,)) == ([5, 4, 3], None)
    assert split([5, 4, 3], 2, lambda row: (row,)) == ([5, 4], (4,))
    assert split([], 2, lambda row: (row,)) == ([], None)
