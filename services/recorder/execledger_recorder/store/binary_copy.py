"""Rows appended to tables by COPY; to some in its binary format, encoded here column by column: the loops run in C."""

import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from operator import sub
from typing import Any, Final, NamedTuple

import asyncpg

from execledger_recorder.store.statements import SQL
from execledger_runtime.errors import Unstorable

Values = Sequence[Any]


class Column(NamedTuple):
    """A column of a table, as the catalog has it."""

    name: str
    type: str
    is_nullable: bool


class _Type(NamedTuple):
    """How values of a type, none of them None, are written; with a `format`, `struct` packs what `encode` gives."""

    python: type
    encode: Callable[[Values], Iterable[Any]]
    format: str | None = None

    def fields(self, values: Values) -> Iterable[bytes]:
        """Each value with its length in front."""
        if self.format is None:
            return self.encode(values)
        field = struct.Struct(f">i{self.format}")
        return map(field.pack, repeat(field.size - 4), self.encode(values))


class Copier:
    """Encodes the rows of one table."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Columns in the order of a row's values. Raises KeyError for a type that is not known here."""
        self._columns = [(column.name, _TYPES[column.type], column.is_nullable) for column in columns]
        self._order = sorted(range(len(columns)), key=lambda at: not self._is_packed(at))
        self._packed = [at for at in self._order if self._is_packed(at)]
        formats = [_TYPES[columns[at].type].format or "" for at in self._packed]
        self._pack = struct.Struct(">h" + "".join(f"i{each}" for each in formats)).pack
        self._sizes = [repeat(struct.calcsize(f">{each}")) for each in formats]
        self._heavy = [at for at, column in enumerate(columns) if column.type in _HEAVY]
        self.names = [columns[at].name for at in self._order]
        """The columns as they are sent: first those that have one length and are never null, packed at once."""

    def chunks(self, rows: Sequence[Values]) -> Iterator[bytes]:
        """All that a COPY sends. Raises Unstorable for a value that its column cannot hold."""
        yield _HEADER
        for start in range(0, len(rows), _ROWS):
            for columns in self._parts(list(zip(*rows[start : start + _ROWS], strict=True))):
                try:
                    yield b"".join(chain.from_iterable(self._fields(columns)))
                except _REFUSALS as error:
                    raise self._explained(columns, error) from error
        yield _TRAILER

    def _parts(self, columns: list[Values]) -> Iterator[list[Values]]:
        """Rows, as columns, in parts that are not large, unless a single row is."""
        rows = len(columns[0])
        if rows == 1 or sum(sum(map(len, filter(None, columns[at]))) for at in self._heavy) <= _BYTES:
            yield columns
            return
        for half in (slice(rows // 2), slice(rows // 2, rows)):
            yield from self._parts([column[half] for column in columns])

    def _fields(self, columns: list[Values]) -> Iterable[Iterable[bytes]]:
        """By row: how many fields it has and those that are packed, then each of the others."""
        packed = [self._columns[at][1].encode(columns[at]) for at in self._packed]
        starts = map(self._pack, repeat(len(columns)), *chain.from_iterable(zip(self._sizes, packed, strict=True)))
        return zip(starts, *(self._column(at, columns[at]) for at in self._order[len(self._packed) :]), strict=False)

    def _column(self, at: int, values: Values) -> Iterable[bytes]:
        _, type_, is_nullable = self._columns[at]
        if not is_nullable or None not in values:
            return type_.fields(values)
        said = iter(type_.fields([value for value in values if value is not None]))
        return [_NULL if value is None else next(said) for value in values]

    def _is_packed(self, at: int) -> bool:
        _, type_, is_nullable = self._columns[at]
        return type_.format is not None and not is_nullable

    def _explained(self, columns: list[Values], error: Exception) -> Exception:
        """Which value was refused; what is of another type than its column is a bug."""
        for (name, type_, is_nullable), values in zip(self._columns, columns, strict=True):
            for value in values:
                if value is None and not is_nullable:
                    return Unstorable(f"{name}: null, where there must be something")
                try:
                    list(type_.fields([] if value is None else [value]))
                except _REFUSALS as refusal:
                    return Unstorable(f"{name}: {refusal}") if isinstance(value, type_.python) else error
        return error


async def copy(connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Append rows to a table of the schema. Raises Unstorable for a value that its column cannot hold."""
    if not rows:
        return
    if table not in _ENCODED_HERE:
        await connection.copy_records_to_table(table, schema_name="execledger", columns=columns, records=rows)
        return
    if table not in _copiers:
        _copiers[table] = Copier(await _columns_of(connection, table, columns))
    await connection.copy_to_table(
        table,
        schema_name="execledger",
        columns=_copiers[table].names,
        format="binary",
        source=_in_turn(_copiers[table].chunks(rows)),
    )


async def _columns_of(connection: asyncpg.Connection, table: str, names: Sequence[str]) -> list[Column]:
    found = {row["name"]: Column(*row) for row in await connection.fetch(SQL["table_columns"], table)}
    if missing := set(names) - found.keys():
        raise asyncpg.UndefinedColumnError(f"{table} has no column {', '.join(sorted(missing))}")
    return [found[name] for name in names]


async def _in_turn(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _uuids(values: Values) -> Iterator[bytes]:
    """All at once. Those that are not written in the canonical way would shift the others."""
    joined = bytes.fromhex("".join(values).replace("-", ""))
    if len(joined) != 16 * len(values) or not set(map(len, values)) <= {36}:
        raise ValueError("no uuid in its canonical form")
    return (value for (value,) in struct.iter_unpack("16s", joined))


def _same(values: Values) -> Values:
    return values


def _microseconds(values: Values) -> list[int]:
    since = map(sub, values, repeat(_EPOCH))
    return [(each.days * 86_400 + each.seconds) * 1_000_000 + each.microseconds for each in since]


def _prefixed(values: Iterable[bytes]) -> list[bytes]:
    return [_length(len(value)) + value for value in values]


def _texts(values: Values) -> Iterable[bytes]:
    """Tenants, types and topics come again and again: each is encoded once."""
    if len(set(values[:_SAMPLE])) > _SAMPLE // 2:
        return _prefixed(map(str.encode, values))
    distinct = list(set(values))
    return map(dict(zip(distinct, _prefixed(map(str.encode, distinct)), strict=True)).__getitem__, values)


def _json_texts(values: Values) -> list[bytes]:
    return _prefixed(map(str.encode, values))


_TYPES: Final = {
    "uuid": _Type(str, _uuids, "16s"),
    "smallint": _Type(int, _same, "h"),
    "integer": _Type(int, _same, "i"),
    "bigint": _Type(int, _same, "q"),
    "boolean": _Type(bool, _same, "?"),
    "timestamp with time zone": _Type(datetime, _microseconds, "q"),
    "text": _Type(str, _texts),
    "character varying": _Type(str, _texts),
    "json": _Type(str, _json_texts),
    "bytea": _Type(bytes, _prefixed),
}
_REFUSALS: Final = (struct.error, ValueError, OverflowError, TypeError, AttributeError)
# What it takes of the client's processor for a row, beside asyncpg's encoder in the same run: an event 0.72 (2.0 us), a
# tool call 0.71. Where money is among the columns, or most may be null, as much or more: an LLM call 1.2, a step 1.05.
_ENCODED_HERE: Final = ("execution_events", "tool_calls", "changes")
_copiers: Final[dict[str, Copier]] = {}  # by table, made when it is first written
_ROWS: Final = 512  # encoded at once; measured: 128 take a tenth longer, and more no less
_BYTES: Final = 512 * 1024  # of payloads among them, and so about what is sent at once
_HEAVY: Final = ("json", "bytea")
_SAMPLE: Final = 16
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_length = struct.Struct(">i").pack
