"""Rows that are encoded here read back as those that asyncpg encodes, whatever they hold."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execledger_recorder.rules.rows import ToolCallRow
from execledger_recorder.rules.tables import TOOL_CALLS
from execledger_recorder.store import Store
from execledger_recorder.store.binary_copy import Column, Copier, _in_turn
from execledger_recorder.store.statements import SQL
from execledger_runtime.errors import Unstorable
from factories_recorder import NOON

_texts: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "uuid": st.uuids().map(str),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "timestamp with time zone": st.datetimes(
        datetime(1, 1, 2),  # noqa: DTZ001  # the zone is drawn apart
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))]),
    ),
    "text": st.one_of(st.sampled_from(["acme", "", "executions.events"]), _texts),
    "json": st.sampled_from(["null", '{"a": [1, "\u20ac"]}', '"\\ud800"', "1e400"]),
    "bytea": st.binary(max_size=40),
}
COLUMNS: Final = [
    *(Column(f"certain_{number}", type_, False) for number, type_ in enumerate(VALUES)),
    *(Column(f"perhaps_{number}", type_, True) for number, type_ in enumerate(VALUES)),
]
ROWS: Final = st.lists(
    st.tuples(
        *(VALUES[column.type] if not column.is_nullable else st.none() | VALUES[column.type] for column in COLUMNS)
    ),
    max_size=12,
)
NAMES: Final = [column.name for column in COLUMNS]


@dataclass(slots=True)
class Tables:
    """One for each encoder."""

    loop: asyncio.AbstractEventLoop
    connection: asyncpg.Connection

    def read_back(self, rows: Sequence[Sequence[Any]]) -> tuple[list[Any], list[Any]]:
        return self.loop.run_until_complete(self._read_back(rows))

    async def _read_back(self, rows: Sequence[Sequence[Any]]) -> tuple[list[Any], list[Any]]:
        copier = Copier(COLUMNS)
        await self.connection.execute("TRUNCATE ours, theirs")
        await self.connection.copy_to_table(
            "ours", columns=copier.names, format="binary", source=_in_turn(copier.chunks(rows))
        )
        await self.connection.copy_records_to_table("theirs", columns=NAMES, records=rows)
        return await self._rows("ours"), await self._rows("theirs")

    async def _rows(self, table: str) -> list[Any]:
        texts = ", ".join(f"{name}::text" for name in NAMES)
        return [tuple(row) for row in await self.connection.fetch(f"SELECT {texts} FROM {table} ORDER BY number")]  # noqa: S608


@pytest.fixture
def tables(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    """A loop of its own: Hypothesis is not asynchronous. Few rows at once, so that there are several chunks."""
    monkeypatch.setattr("execledger_recorder.store.binary_copy._ROWS", 4)
    monkeypatch.setattr("execledger_recorder.store.binary_copy._BYTES", 60)
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(database))
    columns = ", ".join(f"{name} {type_} {'' if nullable else 'NOT NULL'}" for name, type_, nullable in COLUMNS)
    for table in ("ours", "theirs"):
        made = f"CREATE TEMPORARY TABLE {table} (number integer GENERATED ALWAYS AS IDENTITY, {columns})"
        loop.run_until_complete(connection.execute(made))
    yield Tables(loop, connection)
    loop.run_until_complete(connection.close())
    loop.close()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=ROWS)
def test_what_is_encoded_here_reads_back_as_what_the_client_encodes(
    tables: Tables, rows: list[tuple[Any, ...]]
) -> None:
    ours, theirs = tables.read_back(rows)
    assert ours == theirs
    assert len(ours) == len(rows)


async def test_the_columns_of_a_table_are_what_the_catalog_has(database: str) -> None:
    async with Store(database) as store, store.batch() as tx:
        found = [Column(*row) for row in await tx.connection.fetch(SQL["table_columns"], "tool_calls")]
    assert found[:2] == [Column("execution_id", "uuid", False), Column("event_id", "uuid", False)]
    assert Column("success", "boolean", True) in found
    assert len(found) == len(ToolCallRow._fields)


@pytest.mark.parametrize("refused", ["\0", "\ud800"], ids=["by the server", "by the client"])
async def test_a_value_that_is_refused_leaves_nothing_behind_and_the_connection_whole(
    database: str, refused: str
) -> None:
    run = "0190163d-8694-739b-aea5-966c26f8ad91"
    calls = [
        ToolCallRow(run, f"{number:08}-0000-0000-0000-000000000000", "t", NOON, 1, name, *[None] * 7)
        for number, name in enumerate(["good", refused])
    ]
    async with Store(database) as store:
        await store.partitions.ensure([datetime(2024, 6, 14, tzinfo=UTC)])
        with pytest.raises(Unstorable):
            async with store.batch() as tx:
                await tx.derived.append(TOOL_CALLS, calls)
        async with store.batch() as tx:
            await tx.derived.append(TOOL_CALLS, calls[:1])
            assert await tx.connection.fetchval("SELECT count(*) FROM execledger.tool_calls") == 1
