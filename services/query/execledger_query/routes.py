"""The routes: what is asked, who may, what is shown."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from execledger_query import reference, views
from execledger_query.arguments import Direct
from execledger_query.listing import page_of_executions
from execledger_query.narrowing import PageOfExecutions
from execledger_query.problems import documented
from execledger_query.service import ANY, OF_ONE, PROBLEMS, CallerOf, ServicesOf
from execledger_query.store import REQUIRED_SCHEMA
from execledger_runtime.errors import SchemaMissing

v1 = APIRouter(prefix="/v1", route_class=Direct, tags=["executions"], responses=PROBLEMS)
operations = APIRouter(tags=["operations"], responses=documented(*ANY))


@v1.get("/executions", response_model=views.ExecutionPage)
async def list_executions(held: ServicesOf, caller: CallerOf, asked: Annotated[PageOfExecutions, Query()]) -> Response:
    """Executions, newest first unless another sort is asked for.

    Besides what is listed, `label.KEY=VALUE` narrows to executions that have that label.
    """
    return await page_of_executions(held, caller, asked, asked.filters)


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
