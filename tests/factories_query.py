"""Rows as the recorder writes them, for tests of the query service: say only what matters."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import jwt
import uuid_utils.compat as uuid_utils

from execledger_contracts.models import model_of
from execledger_lifecycle.order import iteration_key
from execledger_query.app import create_app
from execledger_query.settings import Settings

SECRET = "a secret of the tests, long enough to sign"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123999, tzinfo=UTC)
_JSON = {"tags", "labels", "metadata", "raw"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """A database to write rows into, as its superuser."""

    connection: asyncpg.Connection

    async def execution(self, **values: Any) -> UUID:
        """One execution, running and said nothing of; returns its id."""
        created_at = values.setdefault("created_at", NOON)
        values.setdefault("id", uuid_at(created_at))
        values.setdefault("tenant_id", "acme")
        values.setdefault("external_id", f"run-{values['id']}")
        values.setdefault("status", "running")
        if values["status"] not in ("pending", "running"):
            values.setdefault("ended_at", created_at + timedelta(seconds=5))
        row = {**_EXECUTION, "root_execution_id": values["external_id"], "heard_at": created_at, **values}
        await self._partition(row["id"])
        await self.insert("executions", row)
        alias = {"tenant_id": row["tenant_id"], "external_id": row["external_id"], "id": row["id"]}
        await self.insert("execution_aliases", alias)
        return UUID(str(row["id"]))

    async def event(self, execution_id: UUID, type: str = "agent.thinking", data: Any = None, **values: Any) -> UUID:  # noqa: A002
        """One event in the log of an execution; returns its id."""
        event_id = values.setdefault("event_id", uuid4())
        source = values.pop("source", "urn:test:orchestrator")
        occurred_at = values.setdefault("occurred_at", NOON)
        raw = {"specversion": "1.0", "id": str(event_id), "source": source, "type": type, "data": data}
        raw |= {"subject": "run-1", "time": occurred_at.isoformat(), "attempt": values.get("attempt", 1)}
        said = {"type": type, "rank": model_of(type).traits.rank, "raw": raw, "received_at": occurred_at}
        row = {**_EVENT, "execution_id": execution_id, **said, **values}
        await self.insert("execution_events", row)
        return UUID(str(event_id))

    async def step(self, execution_id: UUID, step_id: str = "draft", **values: Any) -> None:
        """One step of an execution, running."""
        row = {**_STEP, "execution_id": execution_id, "step_id": step_id, "name": step_id, **values}
        row["iteration_key"] = iteration_key(row.get("iteration"))
        await self.insert("steps", row)

    async def ends(
        self,
        *,
        waiting: timedelta | None = None,
        observed: timedelta = timedelta(0),
        topic: str = "executions.events",
        partition: int = 0,
    ) -> None:
        """What the recorder saw of a partition's end, that long ago."""
        now = datetime.now(UTC)
        oldest = None if waiting is None else now - waiting
        row = {"topic": topic, "partition": partition, "end_offset": 9, "oldest_unrecorded_at": oldest}
        await self.insert("ledger_ends", {**row, "observed_at": now - observed})

    async def _partition(self, execution_id: UUID) -> None:
        at = datetime.fromtimestamp((execution_id.int >> 80) / 1000, UTC)
        await self.connection.execute("SELECT execledger.ensure_partition($1)", at)

    async def insert(self, table: str, row: dict[str, Any]) -> None:
        """A row of any table."""
        values = [json.dumps(value) if name in _JSON and value is not None else value for name, value in row.items()]
        names = ", ".join(f'"{name}"' for name in row)
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        statement = f"INSERT INTO execledger.{table} ({names}) VALUES ({places})"  # noqa: S608
        await self.connection.execute(statement, *values)


@asynccontextmanager
async def ledger(dsn: str) -> AsyncIterator[Ledger]:
    """Write rows into that database."""
    connection = await asyncpg.connect(dsn)
    try:
        yield Ledger(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def serving(dsn: str, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """The service over that database, and a client that asks without a token."""
    app = create_app(settings_of(dsn, **settings))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


def settings_of(dsn: str, **settings: Any) -> Settings:
    if not settings.keys() & {"jwks_url", "insecure_anonymous"}:
        settings.setdefault("jwt_secret", SECRET)
    return Settings(postgres_dsn=dsn, **settings)


def token(sub: Any = "ann", tenant: Any = "acme", *roles: str, secret: str = SECRET, **claims: Any) -> str:
    """A signed token."""
    said = {"sub": sub, "tenant": tenant, "roles": list(roles), "exp": datetime.now(UTC) + timedelta(days=1)}
    return jwt.encode({name: value for name, value in {**said, **claims}.items() if value is not None}, secret)


def bearing(sub: str = "ann", tenant: str = "acme", *roles: str) -> dict[str, str]:
    """The header that says who asks."""
    return {"Authorization": f"Bearer {token(sub, tenant, *roles)}"}


def uuid_at(at: datetime) -> UUID:
    """A UUIDv7 of that time."""
    return uuid_utils.uuid7(nanoseconds=int(at.timestamp()) * 10**9 + at.microsecond * 1000)


_EXECUTION: dict[str, Any] = {
    "version": 1,
    "provisional": False,
    "attempt": 1,
    "completed_steps": 0,
    "total_steps": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "cost_usd": Decimal(0),
    "cost_nanos": 0,
    "agents_used": 0,
    "tools_invoked": 0,
    "cache_hits": 0,
    "killed_by_budget": False,
    "usage_day": NOON.date(),
    "tenant_uuid": uuid4(),
    "fold": "",
}
_EVENT: dict[str, Any] = {
    "tenant_id": "acme",
    "attempt": 1,
    "rank": 0,
    "outcome": "applied",
    "topic": "executions.events",
    "partition": 0,
    "offset": 0,
    "digest": b"",
}
_STEP: dict[str, Any] = {
    "attempt": 1,
    "try_number": 1,
    "tenant_id": "acme",
    "status": "running",
    "provisional": False,
    "unexpected": False,
    "first_event_at": NOON,
    "fold": "",
}
