"""The routes: what is asked, who may, what is shown."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from execledger_query import reference, views
from execledger_query.pages import page_of_texts
from execledger_query.paging import Key, split
from execledger_query.parameters import PageOfExecutions
from execledger_query.problems import documented
from execledger_query.service import (
    ANY,
    OF_ONE,
    PROBLEMS,
    CallerOf,
    Services,
    ServicesOf,
    allow_payloads_of_list,
    payloads_of,
    place,
)
from execledger_query.store import REQUIRED_SCHEMA, SORTS, Reader, is_walked
from execledger_runtime.errors import SchemaMissing

v1 = APIRouter(prefix="/v1", tags=["executions"], responses=PROBLEMS)
operations = APIRouter(tags=["operations"], responses=documented(*ANY))


@v1.get("/executions", response_model=views.ExecutionPage)
async def list_executions(held: ServicesOf, caller: CallerOf, asked: Annotated[PageOfExecutions, Query()]) -> Response:
    """Executions, newest first unless another sort is asked for.

    Besides what is listed, `label.KEY=VALUE` narrows to executions that have that label.
    """
    filters, sort = asked.filters, SORTS[asked.sort]
    scope = await held.signing.scope(filters.scope(asked.sort))
    after = place(scope, asked, sort.key_kinds)
    fields = views.shown_fields(asked.fields, with_payloads=asked.with_payloads)
    allow_payloads_of_list(caller, filters, asked)
    async with held.store.reading(caller, walking=True, one_plan=is_walked(filters, sort)) as reader:
        if asked.with_payloads:
            shown, end = await _with_payloads(held, reader, asked, after, fields)
        else:
            listed = await reader.listed(filters, after, asked.limit + 1, sort, frozenset(fields))
            rows, end = split(listed, asked.limit, sort.key)
            shown = {sort.key(row): row["item"] for row in rows}
        total = await reader.total(filters) if asked.total else None
    return page_of_texts(scope, shown, end, held.page_bytes, total)


async def _with_payloads(
    held: Services, reader: Reader, asked: PageOfExecutions, after: Key | None, fields: set[str]
) -> tuple[dict[Key, str], Key | None]:
    """The items of a page with their payloads, as text of their keys, and the key that it ends at."""
    sort = SORTS[asked.sort]
    rows, end = split(await reader.executions(asked.filters, after, asked.limit + 1, sort), asked.limit, sort.key)
    rows, early, payloads = await payloads_of(held, reader, rows, views.execution_sources, sort.key, asked)
    trees = await reader.trees(rows)
    shown = {sort.key(row): views.execution_of(row, payloads, trees).model_dump_json(include=fields) for row in rows}
    return shown, early or end


@operations.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """The document of the API, to be read."""
    return HTMLResponse(reference.page(request.app.openapi()), headers={"Content-Security-Policy": reference.POLICY})


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
