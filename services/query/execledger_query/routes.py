"""The routes: what is asked, who may, what is shown."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from execledger_query import views
from execledger_query.pages import page_of
from execledger_query.paging import split
from execledger_query.parameters import PageOfExecutions
from execledger_query.problems import documented
from execledger_query.service import (
    ANY,
    OF_ONE,
    PROBLEMS,
    CallerOf,
    ServicesOf,
    allow_payloads_of_list,
    payloads_of,
    place,
)
from execledger_query.store import (
    EXECUTION_KEY,
    REQUIRED_SCHEMA,
    execution_key,
)
from execledger_runtime.errors import SchemaMissing

v1 = APIRouter(prefix="/v1", tags=["executions"], responses=PROBLEMS)
operations = APIRouter(tags=["operations"], responses=documented(*ANY))


@v1.get("/executions", response_model=views.ExecutionPage)
async def list_executions(held: ServicesOf, caller: CallerOf, asked: Annotated[PageOfExecutions, Query()]) -> Response:
    """Executions, newest first."""
    filters, scope = asked.filters, asked.filters.scope()
    after = place(scope, asked, EXECUTION_KEY)
    allow_payloads_of_list(caller, filters, asked)
    async with held.store.reading(caller) as reader:
        rows = await reader.executions(filters, after, asked.limit + 1)
        rows, end = split(rows, asked.limit, execution_key)
        rows, early, payloads = await payloads_of(held, reader, rows, views.execution_sources, execution_key, asked)
        trees = await reader.trees(rows)
    shown = {execution_key(row): views.execution_of(row, payloads, trees) for row in rows}
    fields = views.shown_fields(asked.fields, with_payloads=asked.with_payloads)
    return page_of(views.ExecutionPage, scope, shown, early or end, held.page_bytes, fields)


@operations.get("/healthz")
async def healthz() -> views.Health:
    """The process is alive."""
    return views.Health()


@operations.get("/readyz", responses=documented("unavailable", "too-slow"))
async def readyz(held: ServicesOf) -> views.Readiness:
    """The database answers, and its schema is one that we read."""
    version = await held.freshness.schema_version()
    if version < REQUIRED_SCHEMA:
        raise SchemaMissing(
            f"the database of EXECLEDGER_POSTGRES_DSN has schema {version}, {REQUIRED_SCHEMA} is needed: "
            "run execledger migrate"
        )
    return views.Readiness(schema_version=version)


@operations.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **OF_ONE})
async def metrics(held: ServicesOf) -> Response:
    """Figures for Prometheus; on a port of their own where others than this machine reach the API."""
    if not held.serves_metrics:
        raise HTTPException(404)
    return Response(generate_latest(held.registry), media_type=CONTENT_TYPE_LATEST)
