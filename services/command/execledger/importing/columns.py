"""The columns of older tables: what their values are in JSON and in CSV, and where an event says them. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite, isinf
from typing import Any, Final
from uuid import UUID

from execledger_contracts.parsing import parse_exactly

Row = Mapping[str, Any]
"""The values of a row by column: what is null is not there."""


class Refused(Exception):  # noqa: N818 - a row that is refused is no error of the program
    """Why a row cannot be imported as it stands: the column, or the part of one, and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, and the place in the data of an event that says it: dotted, empty where rules say more."""

    read: Callable[[Any], Any]
    begin: str = ""  # of the event that begins the execution, or of the only event
    end: str = ""  # of the one that ends it
    is_required: bool = False


def text(value: Any) -> str:
    """Text as it is."""
    if not isinstance(value, str):
        raise ValueError("should be text")
    return value


def uuid(value: Any) -> str:
    """A UUID in canonical form, however it is spelled."""
    if isinstance(value, str) and _CANONICAL(value):
        return value
    try:
        return str(UUID(text(value)))
    except ValueError:
        raise ValueError("should be a UUID") from None


def whole(value: Any) -> int:
    """A whole number, or the digits of one."""
    if isinstance(value, str | float) and _is_whole(str(value)):
        return int(Decimal(str(value)))
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("should be a whole number")
    return value


def money(value: Any) -> str:
    """An amount in US dollars as events say it: in text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("should be a number")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("should be a number") from None
    if not amount.is_finite():
        raise ValueError("should be a finite number")
    return f"{amount:f}"


def real(value: Any) -> float:
    """A number with a fraction."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("should be a number")
    if not isfinite(number := float(value)):
        raise ValueError("should be a finite number")
    return number


def flag(value: Any) -> bool:
    """A truth value, or a word of Postgres' for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.lower()) in _TRUTHS:
        return _TRUTHS[word]
    raise ValueError("should be true or false")


def moment(value: Any) -> datetime:
    """A time with its offset, as ISO 8601 and Postgres write it."""
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        raise ValueError("should be a time in ISO 8601") from None
    if at.tzinfo is None:
        raise ValueError("should have an offset from UTC")
    return at.astimezone(UTC)


def document(value: Any) -> Any:
    """Any JSON."""
    return value


def parsed(encoded: str | bytes) -> Any:
    """JSON, as long as it says nothing that is lost when it is read: no NaN, no number beyond a float64."""
    try:
        return parse_exactly(encoded if isinstance(encoded, bytes) else encoded.encode())
    except ValueError:
        return json.loads(encoded, parse_constant=_refused, parse_float=_finite)


def _refused(word: str) -> Any:
    raise ValueError(f"should be JSON, {word} is none")


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError("holds a number beyond a float64")
    return number


def read_row(columns: Mapping[str, Column], sent: Mapping[str, Any], left_out: frozenset[str], *, is_csv: bool) -> Row:
    """The values of a row, by column. Refused: a value is no such value, or there is no such column."""
    row = {}
    for name, value in sent.items():
        if name in left_out or (value is None and name in columns):
            continue
        if (column := columns.get(name)) is None:
            raise Refused(name, "no event says it; --without leaves the column out")
        try:
            row[name] = parsed(value) if is_csv and column.read is document else column.read(value)
        except (ValueError, OverflowError) as error:
            raise Refused(name, str(error)) from None
        if row[name] is None:
            del row[name]
    for name, column in columns.items():
        if column.is_required and name not in row:
            raise Refused(name, "is missing")
    return row


def placed(row: Row, places: Mapping[str, str]) -> dict[str, Any]:
    """The data that says the columns of a row, each at its place.

    >>> placed({"flow_id": "f", "query": "why"}, {"flow_id": "workflow.id", "query": "query", "result": "result"})
    {'workflow': {'id': 'f'}, 'query': 'why'}
    """
    data: dict[str, Any] = {}
    for name, place in places.items():
        if name in row:
            *within, last = place.split(".")
            part = data
            for each in within:
                part = part.setdefault(each, {})
            part[last] = row[name]
    return data


_CANONICAL: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_is_whole: Final = re.compile(r"-?[0-9]{1,30}(\.0+)?").fullmatch
_TRUTHS: Final = {"t": True, "true": True, "f": False, "false": False}
