"""What a team writes by hand: FastAPI and asyncpg over a table of the same rows; takes a DSN and a port."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import uvicorn
from fastapi import FastAPI

TENANT: Final = "acme"
TABLE: Final = """
CREATE TABLE plain_executions AS
SELECT id, external_id, tenant_id, owner_id, session_id, workflow_id, workflow_name, status, created_at, started_at,
       ended_at, duration_ms, progress_percent, completed_steps, total_steps, error_message, total_tokens, cost_usd,
       tags, labels
FROM execledger.executions;
CREATE UNIQUE INDEX ON plain_executions (id);
CREATE INDEX ON plain_executions (tenant_id, created_at DESC, id DESC);
CREATE INDEX ON plain_executions (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX ON plain_executions (tenant_id, workflow_id, created_at DESC, id DESC);
CREATE TABLE plain_steps AS
SELECT execution_id, step_id, name, status, started_at, ended_at, duration_ms, first_event_at FROM execledger.steps;
CREATE INDEX ON plain_steps (execution_id, first_event_at);
ANALYZE plain_executions, plain_steps;
"""


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(sys.argv[1], min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_running)


@app.get("/one")
async def one() -> dict[str, Any]:
    async with app.state.pool.acquire() as connection:
        return {"one": await connection.fetchval("SELECT 1")}


@app.get("/list")
async def list_(status: str | None = None, workflow_id: str | None = None, before: str | None = None) -> dict[str, Any]:
    wanted, values = ["tenant_id = $1"], [TENANT]
    for name, value in (("status", status), ("workflow_id", workflow_id)):
        if value is not None:
            values.append(value)
            wanted.append(f"{name} = ${len(values)}")
    if before is not None:
        values.append(before)
        wanted.append(f"created_at < (${len(values)}::text)::timestamptz")
    statement = (
        f"SELECT * FROM plain_executions WHERE {' AND '.join(wanted)}"  # noqa: S608  # names of ours
        " ORDER BY created_at DESC, id DESC LIMIT 50"
    )
    async with app.state.pool.acquire() as connection:
        return {"items": [dict(row) for row in await connection.fetch(statement, *values)]}


@app.get("/executions/{id}")
async def show(id: str) -> dict[str, Any]:  # noqa: A002
    async with app.state.pool.acquire() as connection:
        return dict(await connection.fetchrow("SELECT * FROM plain_executions WHERE id = $1::text::uuid", id))


@app.get("/executions/{id}/steps")
async def steps(id: str) -> dict[str, Any]:  # noqa: A002
    statement = "SELECT * FROM plain_steps WHERE execution_id = $1::text::uuid ORDER BY first_event_at LIMIT 50"
    async with app.state.pool.acquire() as connection:
        return {"items": [dict(row) for row in await connection.fetch(statement, id)]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
