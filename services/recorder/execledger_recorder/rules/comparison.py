"""Rows of an execution compared with what a fold of its log gives."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from execledger_lifecycle.record import EXECUTION_COLUMNS, STEP_COLUMNS
from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.rules import tables
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.tables import Table

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
"""Rows of one execution, by table."""

_JSON: Final = frozenset(
    name for columns in (EXECUTION_COLUMNS, STEP_COLUMNS) for name, column in columns.items() if column.sql == "jsonb"
)
_PRICE: Final = frozenset({"cost_usd", "cost_source", "price_version"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a stored row is not what the log gives; without a field the row as a whole is missing, or too much."""

    execution_id: str
    table: str
    key: Sequence[Any]
    field: str | None
    stored: Any
    folded: Any

    @property
    def row(self) -> tuple[Any, ...]:
        """Which row it is about."""
        return (self.execution_id, self.table, *self.key)

    def as_document(self, *, longest: int | None = None) -> dict[str, Any]:
        """As a JSON object; texts of the two values no longer than that."""
        values = {name: _shown(value, longest) for name, value in (("stored", self.stored), ("folded", self.folded))}
        return {**asdict(self), "key": list(self.key), **values}


def compare(execution_id: str, stored: Rows, folded: Rows) -> list[Difference]:
    """Where the stored rows of an execution are not those that its log gives."""
    return [
        Difference(execution_id, table.name, key, *found)
        for table in tables.TABLES
        for key, *found in _compare_table(table, stored, folded)
        if not (found[0] == "fold" and is_outdated(stored))
    ]


def rows_of(change: Change) -> Rows:
    """The rows that the log of an execution gives, from the change that a fold of all of it made."""
    return {
        table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows(change)]
        for table in tables.TABLES
    }


def is_outdated(stored: Rows) -> bool:
    """Whether the fold in the row of the execution is of another format than ours."""
    return any(is_of_another_format(row["fold"]) for row in stored.get("executions", ()))


def _compare_table(table: Table, stored: Rows, folded: Rows) -> Iterator[tuple[tuple[Any, ...], str | None, Any, Any]]:
    """Key, field, what is stored and what the log gives."""
    theirs, ours = ({_key(table, row): row for row in rows.get(table.name, ())} for rows in (stored, folded))
    for key in sorted(theirs.keys() | ours.keys()):
        if key not in theirs:
            yield key, None, "no row", "a row"
        elif key not in ours:
            yield key, None, "a row", "no row"
        else:
            yield from ((key, *found) for found in _compare_row(theirs[key], ours[key]))


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column] for column in table.key)


def _compare_row(stored: Row, folded: Row) -> Iterator[tuple[str, Any, Any]]:
    computed = stored.get("cost_source") == "computed" and "event_id" in folded and folded["cost_source"] != "reported"
    for name, value in folded.items():
        if computed and name in _PRICE:
            continue  # arrival decides the price: only this row has it
        if _comparable(name, stored[name]) != _comparable(name, value):
            yield name, stored[name], value


def _comparable(name: str, value: Any) -> Any:
    """Postgres keeps JSON in a form of its own, and numbers in it exactly."""
    if name in _JSON and isinstance(value, str):
        return json.loads(value, parse_int=_number, parse_float=_number)
    return value


def _number(text: str) -> tuple[Decimal]:
    """Apart from true and false, which Python takes for 1 and 0."""
    return (Decimal(text),)


def _shown(value: Any, longest: int | None) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"
