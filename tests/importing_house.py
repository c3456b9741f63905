"""Where rows of older tables are imported and recorded: a database, its topics, and a folder for files."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from command_line import Said, execledger
from conftest import Servers, Topics
from execledger_recorder.store import Store
from factories_recorder import assert_balanced
from old_rows import Row
from recorded_topic import record_topic


@dataclass(frozen=True, slots=True)
class House:
    """A database and its topics, a folder for files, and a look at what is recorded."""

    servers: Servers
    topics: Topics
    dsn: str
    store: Store
    connection: asyncpg.Connection
    folder: Path

    async def run(self, table: str, *arguments: str, **settings: object) -> Said:
        """The command; what it refuses goes to `refused`."""
        known = self.topics.settings(self.servers, self.dsn)
        said = ("--refused", str(self.refused))
        return await execledger("import", table, *arguments, *said, **{**known, **settings})

    async def bring(self, table: str, rows: Iterable[Row], *arguments: str) -> Said:
        """Import rows, and record what that sent."""
        said = await self.run(table, str(self.file(rows)), *arguments)
        await self.record()
        return said

    async def record(self) -> None:
        await record_topic(self.store, self.servers, self.topics.events)
        await assert_balanced(self.connection)

    def file(self, rows: Iterable[Row], name: str = "rows.jsonl") -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    @property
    def refused(self) -> Path:
        return self.folder / "refused.jsonl"

    def reasons(self) -> list[tuple[int, str, str]]:
        told = [json.loads(line) for line in self.refused.read_text(encoding="utf-8").splitlines()]
        return [(each["line"], each["field"], each["reason"]) for each in told]

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)


@asynccontextmanager
async def open_house(servers: Servers, topics: Topics, database: str, folder: Path) -> AsyncIterator[House]:
    """Surroundings of an import."""
    connection = await asyncpg.connect(database)
    try:
        async with Store(database) as store:
            yield House(servers, topics, database, store, connection, folder)
    finally:
        await connection.close()
