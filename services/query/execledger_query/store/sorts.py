"""How lists of executions are sorted. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from execledger_query.paging import Key

Row = Mapping[str, Any]


class Sort(NamedTuple):
    """How a list is sorted: by a column, then by id. Executions without a value have no place in it."""

    column: str
    sql_type: str
    kind: type
    is_descending: bool

    @property
    def order(self) -> str:
        direction = "DESC" if self.is_descending else "ASC"
        return f"id {direction}" if self.column == "id" else f"{{}} {direction}, id {direction}"

    @property
    def key_kinds(self) -> Sequence[type]:
        """The kinds of the values that a page ends at."""
        return (UUID,) if self.column == "id" else (self.kind, UUID)

    def key(self, row: Row) -> Key:
        """Where a page ends that ends at this row."""
        return (row["id"],) if self.column == "id" else (row["sort_value"], row["id"])


_SORTED_BY: Final = {
    "id": ("id", "uuid", UUID),
    "created_at": ("created_at", "timestamptz", datetime),
    "started_at": ("started_at", "timestamptz", datetime),
    "duration_ms": ("duration_ms", "bigint", int),
    "cost_usd": ("cost_nanos", "bigint", int),
}
SORTS: Final[Mapping[str, Sort]] = {
    f"{sign}{name}": Sort(*column, bool(sign)) for name, column in _SORTED_BY.items() for sign in ("-", "")
}
NEWEST_FIRST: Final = "-id"
"""Ids are made of time, and never change: a page of this order neither repeats nor skips a row, whatever is written."""
