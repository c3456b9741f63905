"""Keyset pages: where a page ended, as text that a client hands back. Pure.

A cursor holds the sort key of the last row shown, and a checksum over it and the list that it belongs to, whose name
holds a secret (see `signing`). It proves no right: what a cursor reaches is decided by the reader's token alone.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import accumulate, takewhile
from typing import Any, Final, TypeVar
from uuid import UUID

from execledger_query.errors import InvalidCursorError

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
_CHECKSUM_BYTES: Final = 8
# The longest that is given out, of a step's id of 255 emoji, has 4124 characters.
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{12,16384}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Key = tuple[Any, ...]
Row = TypeVar("Row")


def split(
    rows: Sequence[Row],
    limit: int,
    key: Callable[[Row], Key],
    *,
    fits: Callable[[Row], bool] = lambda _: True,
    goes_on: Callable[[Row], bool] = lambda _: False,
) -> tuple[Sequence[Row], Key | None]:
    """The page among rows that were read one beyond the limit, and the key it ended at; None on the last page.

    It ends early at a row that does not fit, but for the first; and it is not the last where its last row goes on.

    >>> split([3, 2, 1], 2, lambda row: (row,))
    ([3, 2], (2,))
    >>> split([3, 2, 1], 3, lambda row: (row,), fits=lambda row: row > 2)
    ([3], (3,))
    """
    page = [*rows[:1], *takewhile(fits, rows[1:limit])]
    is_last = len(rows) == len(page) and not any(map(goes_on, page[-1:]))
    return page, None if is_last else key(page[-1])


def fitting(sizes: Iterable[int], most: int) -> int:
    """How many of the first ones come to no more than that; one in any case, if there is one.

    >>> fitting([3, 3, 3], 7), fitting([9, 1], 7), fitting([], 7)
    (2, 1, 0)
    """
    sums = [*accumulate(sizes)]
    return min(len(sums), max(1, bisect_right(sums, most)))


def write_cursor(scope: str, key: Key) -> str:
    """The cursor that continues the list `scope` after `key`: times, uuids, texts and integers."""
    payload = json.dumps([_written(value) for value in key], separators=(",", ":")).encode()
    return urlsafe_b64encode(_checksum(scope, payload) + payload).rstrip(b"=").decode()


def read_cursor(scope: str, cursor: str, kinds: Sequence[type]) -> Key:
    """The key of a cursor that this very list gave out, its values of these kinds.

    Raises InvalidCursorError for any other text, one of another list or of other filters among them.
    """
    payload = _payload(scope, cursor)
    try:
        values = json.loads(payload)
        return tuple(_READ[kind](value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidCursorError("the cursor holds no place in this list") from error


def _payload(scope: str, cursor: str) -> bytes:
    if not _TEXT.fullmatch(cursor):
        raise InvalidCursorError("this is no cursor")
    try:
        packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursorError("this is no cursor") from error
    checksum, payload = packed[:_CHECKSUM_BYTES], packed[_CHECKSUM_BYTES:]
    if checksum != _checksum(scope, payload):
        raise InvalidCursorError("the cursor is not from this list, or its filters are others now")
    return payload


def _checksum(scope: str, payload: bytes) -> bytes:
    digest = blake2b(digest_size=_CHECKSUM_BYTES)
    for part in (scope.encode(), payload):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _written(value: datetime | UUID | str | int) -> str | int:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return value if isinstance(value, int) else str(value)


def _read_time(value: Any) -> datetime:
    return _EPOCH + _read_integer(value) * _MICROSECOND


def _read_integer(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError("not an integer that a column holds")
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text that a column holds")
    value.encode()  # a lone surrogate is refused here and not by the database
    return value


def _read_uuid(value: Any) -> UUID:
    return UUID(_read_text(value))


_READ: Final[dict[type, Callable[[Any], Any]]] = {
    datetime: _read_time,
    UUID: _read_uuid,
    str: _read_text,
    int: _read_integer,
}
