"""The older table and its view, each in its own database, as of one moment."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from execledger.comparing.fitting import WHOLE, fitted, read_columns
from execledger.errors import UserError
from execledger.importing.columns import Column, Row, uuid
from execledger.importing.old_table import blamed, opened, quoted

_ROWS_AT_ONCE: Final = 200
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
_KEYS_AT_ONCE: Final = 1000
_OLD: Final = "--dsn"
_NEW: Final = "EXECLEDGER_POSTGRES_DSN"
_TYPES: Final = ("uuid", "text", "varchar")  # that a key may have

# Rows that no index finds by their own id, among those of the executions that they name.
_AMONG: Final[Mapping[str, Sequence[str]]] = {
    "token_usage": ("task_id",),
    "tool_executions": ("task_id",),
    "event_logs": ("task_id", "workflow_id"),
}


def _statement(name: str) -> str:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Side:
    """A table in a transaction that sees one moment."""

    connection: asyncpg.Connection
    said_by: str  # the option or setting that names its database
    shape: str  # whose columns it has
    table: str  # in SQL
    columns: Mapping[str, Column]
    key: str
    key_type: str

    async def count(self) -> int:
        """How many rows it has."""
        with blamed(self.said_by):
            found: int = await self.connection.fetchval(_statement("count").format(table=self.table))
        return found

    async def pages(self) -> AsyncIterator[list[Row]]:
        """All rows as they come, some at once."""
        query = _statement("rows").format(columns=self._listed, table=self.table)
        page, size = list[Row](), 0
        async for text in self._texts(query, _ROWS_AT_ONCE):
            page.append(self._read(text))
            size += len(text)
            if len(page) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
                yield page
                page, size = [], 0
        if page:
            yield page

    async def matching(self, rows: Collection[Row]) -> dict[str, list[Row]]:
        """The rows that have the keys of these rows, by key."""
        among = [name for name in _AMONG.get(self.shape, ()) if name in self.columns]
        values = [[str(row[name]) for row in rows if name in row] for name in (self.key, *among)]
        parts = [f'"{name}" = ANY (${n}::text[]::{self._type_of(name)}[])' for n, name in enumerate(among, 2)]
        where = " AND ".join([self._has_key, *([f"({' OR '.join(parts)})"] if parts else [])])
        query = _statement("matching").format(columns=self._listed, table=self.table, where=where)
        found: dict[str, list[Row]] = {}
        with blamed(self.said_by):
            texts = await self.connection.fetch(query, *values)
        for (text,) in texts:
            row = self._read(text)
            found.setdefault(str(row[self.key]), []).append(row)
        return found

    async def keys(self) -> AsyncIterator[list[str]]:
        """The keys of all rows, some at once."""
        page = list[str]()
        query = _statement("keys").format(key=quoted(self.key), table=self.table)
        async for key in self._texts(query, _KEYS_AT_ONCE):
            page.append(key)
            if len(page) == _KEYS_AT_ONCE:
                yield page
                page = []
        if page:
            yield page

    async def known_keys(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that rows have."""
        query = _statement("known_keys").format(key=quoted(self.key), table=self.table, has_key=self._has_key)
        with blamed(self.said_by):
            return {key for (key,) in await self.connection.fetch(query, list(keys))}

    async def _texts(self, query: str, at_once: int) -> AsyncIterator[str]:
        with blamed(self.said_by):
            async for (text,) in self.connection.cursor(query, prefetch=at_once):
                yield text

    @property
    def _listed(self) -> str:
        return ", ".join(map(quoted, self.columns))

    @property
    def _has_key(self) -> str:
        return f"{quoted(self.key)} = ANY ($1::text[]::{self.key_type}[])"

    def _type_of(self, column: str) -> str:
        return "uuid" if self.columns[column].read is uuid else "text"

    def _read(self, text: str) -> Row:
        return fitted(self.shape, read_columns(self.columns, json.loads(text)))


def key_of(shape: str) -> str:
    """The column that tells one row from another, in the table and in the view."""
    return WHOLE[shape].external_id if shape in WHOLE else "id"


@asynccontextmanager
async def open_table(
    dsn: str, shape: str, table: str, columns: Mapping[str, Column], left_out: Collection[str]
) -> AsyncIterator[Side]:
    """The older table. UserError: it is not there, or has not the columns that its view has."""
    async with _at_one_moment(dsn, _OLD) as connection:
        query = await connection.prepare(_statement("shape").format(table=quoted(table)))
        types = {attribute.name: attribute.type.name for attribute in query.get_attributes()}
        if unknown := sorted(types.keys() - columns.keys() - set(left_out)):
            raise UserError(
                f"{table} has columns that {shape} has not: {', '.join(unknown)}; --without leaves columns out"
            )
        if (key := key_of(shape)) not in types:
            raise UserError(f"{table} lacks the column {key}, by which its rows are found")
        if types[key] not in _TYPES:
            raise UserError(f"{table}.{key} is of type {types[key]}, not one of {', '.join(_TYPES)}")
        kept = {name: column for name, column in columns.items() if name in types}
        yield Side(connection, _OLD, shape, quoted(table), kept, key, types[key])


@asynccontextmanager
async def open_view(dsn: str, tenant: str | None, old: Side) -> AsyncIterator[Side]:
    """The view that shows what that table held; of all tenants that the account sees, or of one."""
    async with _at_one_moment(dsn, _NEW) as connection:
        if tenant is not None:
            await connection.execute("SET LOCAL ROLE execledger_tenant")
            await connection.execute("SELECT set_config('execledger.tenant', $1, true)", tenant)
        key_type = "uuid" if old.columns[old.key].read is uuid else "text"
        yield Side(connection, _NEW, old.shape, f"compat.{quoted(old.shape)}", old.columns, old.key, key_type)


@asynccontextmanager
async def _at_one_moment(dsn: str, said_by: str) -> AsyncIterator[asyncpg.Connection]:
    async with opened(dsn, said_by) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection
