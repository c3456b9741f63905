"""The routes: what is asked, who may, what is shown."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from execledger_contracts.fields import RequiredIdentifier
from execledger_query import explanations, views
from execledger_query.auth import Authenticator
from execledger_query.caller import Caller, Sees
from execledger_query.errors import InvalidTokenError
from execledger_query.freshness import Freshness
from execledger_query.lookup import Several, find
from execledger_query.pages import Sources, covered, goes_on, page_of, read_payloads
from execledger_query.paging import Key, read_cursor, split
from execledger_query.parameters import Including, PageOf, PageOfExecutions
from execledger_query.problems import ProblemError, documented
from execledger_query.shares import Shares, TooManyError
from execledger_query.store import (
    EVENT_KEY,
    EXECUTION_KEY,
    REQUIRED_SCHEMA,
    STEP_KEY,
    Filters,
    Reader,
    Row,
    Store,
    event_key,
    execution_key,
    step_key,
)
from execledger_runtime.errors import SchemaMissing


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with; the application holds it in its state."""

    store: Store
    authenticator: Authenticator
    freshness: Freshness
    registry: CollectorRegistry
    shares: Shares
    serves_metrics: bool
    page_bytes: int
    explaining: asyncio.Semaphore  # a core is what an explanation takes: others would but wait with all they hold


def services(request: Request) -> Services:
    held: Services = request.app.state.services
    return held


_Services = Annotated[Services, Depends(services)]
_bearer: Final = HTTPBearer(auto_error=False, bearerFormat="JWT", description="claims `sub`, `tenant`, `roles`, `exp`")


_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _identify(held: Services, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    try:
        caller = await held.authenticator.identify(credentials.credentials if credentials else None)
    except InvalidTokenError as error:
        challenge = f'Bearer error="invalid_token", error_description="{error}"'
        raise ProblemError("unauthenticated", str(error), headers={"WWW-Authenticate": challenge}) from error
    if caller is None:
        raise ProblemError("unauthenticated", "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
    return caller


async def admit(held: _Services, credentials: _Credentials) -> AsyncIterator[Caller]:
    """Whom the request comes from, once it is one of as many as they may ask; answers 401, and 429 when it never is."""
    caller = await _identify(held, credentials)
    try:
        async with held.shares.admitted((caller.tenant, caller.subject)):
            yield caller
    except TooManyError as error:
        headers = {"Retry-After": str(error.retry_seconds)}
        raise ProblemError("too-many-requests", str(error), headers=headers) from error


_Caller = Annotated[Caller, Depends(admit)]
_Name = Annotated[RequiredIdentifier, Path(description="internal or external id; the internal one wins")]
_ANY: Final = ("forbidden", "too-large", "internal")  # whatever is asked
_OF_DATA: Final = ("invalid-parameter", "unauthenticated", "too-many-requests", "damaged", "unavailable", "too-slow")
PROBLEMS: Final = documented(*_ANY, *_OF_DATA)
OF_ONE: Final = documented("not-found")
_OF_EXECUTION: Final = documented("not-found", "conflict")

_MOST_EXPLAINED: Final = 20_000  # measured: 3 s of a core and 4 MB of answer
_MOST_EXPLAINED_BYTES: Final = 33_554_432

v1 = APIRouter(prefix="/v1", tags=["executions"], responses=PROBLEMS)
operations = APIRouter(tags=["operations"], responses=documented(*_ANY))


@v1.get("/executions", response_model=views.ExecutionPage)
async def list_executions(held: _Services, caller: _Caller, asked: Annotated[PageOfExecutions, Query()]) -> Response:
    """Executions, newest first."""
    filters, scope = asked.filters, asked.filters.scope()
    after = _place(scope, asked, EXECUTION_KEY)
    if asked.with_payloads:
        _allow_payloads_of_list(caller, filters)
    async with held.store.reading(caller) as reader:
        rows = await reader.executions(filters, after, asked.limit + 1)
        rows, end = split(rows, asked.limit, execution_key)
        rows, early, payloads = await _payloads(held, reader, rows, views.execution_sources, execution_key, asked)
        trees = await reader.trees(rows)
    shown = {execution_key(row): views.execution_of(row, payloads, trees) for row in rows}
    fields = views.shown_fields(asked.fields, with_payloads=asked.with_payloads)
    return page_of(views.ExecutionPage, scope, shown, early or end, held.page_bytes, fields)


@v1.get("/executions/{id}", response_model=views.Execution, responses=_OF_EXECUTION)
async def show_execution(held: _Services, caller: _Caller, id: _Name, asked: Annotated[Including, Query()]) -> Response:  # noqa: A002
    """One execution."""
    async with held.store.reading(caller) as reader:
        row = await _found(reader, id)
        _allow_payloads(caller, row, asked)
        payloads = await reader.payloads(views.execution_sources([row]) if asked.with_payloads else ())
        trees = await reader.trees([row])
    fields = views.shown_fields((), with_payloads=asked.with_payloads)
    return _json(views.execution_of(row, payloads, trees), fields)


@v1.get("/executions/{id}/steps", response_model=views.StepPage, responses=_OF_EXECUTION)
async def list_steps(held: _Services, caller: _Caller, id: _Name, asked: Annotated[PageOf, Query()]) -> Response:  # noqa: A002
    """The steps of an execution, all attempts, by the time of their first event."""
    async with held.store.reading(caller) as reader:
        execution = await _found(reader, id)
        _allow_payloads(caller, execution, asked)
        scope = f"steps of {execution['id']}"
        after = _place(scope, asked, STEP_KEY)
        rows = await reader.steps(execution["id"], after, asked.limit + 1, held.page_bytes)
        rows, end = split(rows, asked.limit, step_key, goes_on=goes_on)
        rows, early, payloads = await _payloads(held, reader, rows, views.step_sources, step_key, asked)
    shown = {step_key(row): views.step_of(row, payloads) for row in rows}
    return page_of(views.StepPage, scope, shown, early or end, held.page_bytes)


@v1.get("/executions/{id}/events", response_model=views.EventPage, responses=_OF_EXECUTION)
async def list_events(held: _Services, caller: _Caller, id: _Name, asked: Annotated[PageOf, Query()]) -> Response:  # noqa: A002
    """The log of an execution, in the order of its events."""
    async with held.store.reading(caller) as reader:
        execution = await _found(reader, id)
        _allow_payloads(caller, execution, asked)
        scope = f"events of {execution['id']}"
        after = _place(scope, asked, EVENT_KEY)
        rows = await reader.events(
            execution["id"], after, asked.limit + 1, held.page_bytes, with_payloads=asked.with_payloads
        )
        rows, end = split(rows, asked.limit, event_key, goes_on=goes_on)
    shown = {event_key(row): views.event_of(row, with_payloads=asked.with_payloads) for row in rows}
    return page_of(views.EventPage, scope, shown, end, held.page_bytes)


@v1.get("/executions/{id}/explain", response_model=explanations.Explanation, responses=_OF_EXECUTION)
async def explain_execution(
    held: _Services,
    caller: _Caller,
    id: _Name,  # noqa: A002
    asked: Annotated[Including, Query()],
) -> Response:
    """Why an execution is as it is: the event that decided each field; of each event, what it did and why not more."""
    async with held.explaining:
        logged = await _logged(held, caller, id, asked)
        return _json(await asyncio.to_thread(explanations.explanation_of, logged))


@operations.get("/healthz")
async def healthz() -> views.Health:
    """The process is alive."""
    return views.Health()


@operations.get("/readyz", responses=documented("unavailable", "too-slow"))
async def readyz(held: _Services) -> views.Readiness:
    """The database answers, and its schema is one that we read."""
    version = await held.freshness.schema_version()
    if version < REQUIRED_SCHEMA:
        raise SchemaMissing(
            f"the database of EXECLEDGER_POSTGRES_DSN has schema {version}, {REQUIRED_SCHEMA} is needed: "
            "run execledger migrate"
        )
    return views.Readiness(schema_version=version)


@operations.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **OF_ONE})
async def metrics(held: _Services) -> Response:
    """Figures for Prometheus; on a port of their own where others than this machine reach the API."""
    if not held.serves_metrics:
        raise HTTPException(404)
    return Response(generate_latest(held.registry), media_type=CONTENT_TYPE_LATEST)


async def _logged(held: Services, caller: Caller, name: str, asked: Including) -> explanations.Logged:
    """All that explains an execution, if that is not too much for an answer."""
    async with held.store.reading(caller) as reader:
        execution = await _found(reader, name)
        _allow_payloads(caller, execution, asked)
        if execution["version"] > _MOST_EXPLAINED:
            raise _left_to_the_command(f"it has {execution['version']} events", f"{_MOST_EXPLAINED}")
        most = _MOST_EXPLAINED_BYTES
        logged = await explanations.read(reader, execution, most, with_payloads=asked.with_payloads)
    if not logged.is_whole:
        raise _left_to_the_command("its events are large", f"{most} bytes of them")
    return logged


def _left_to_the_command(why: str, most: str) -> ProblemError:
    return ProblemError("too-slow", f"{why}, an answer explains at most {most}: use the command execledger explain")


async def _found(reader: Reader, name: str) -> Row:
    match await find(reader, name):
        case None:
            raise ProblemError("not-found", "there is no such execution")
        case Several(bearers):
            named = [{"id": str(bearer["id"]), "tenant_id": bearer["tenant_id"]} for bearer in bearers]
            tenants = ", ".join(bearer["tenant_id"] for bearer in named)
            raise ProblemError("conflict", f"several tenants have an execution of that id: {tenants}", executions=named)
        case row:
            return row


async def _payloads(
    held: Services, reader: Reader, rows: Sequence[Row], sources: Sources, key: Callable[[Row], Key], asked: Including
) -> tuple[Sequence[Row], Key | None, views.Payloads]:
    """The rows whose payloads have room in a page, the key at which they end early, and the payloads, if asked for."""
    if not asked.with_payloads:
        return rows, None, {}
    payloads = await read_payloads(reader, rows, sources, held.page_bytes)
    page, early = split(rows, len(rows), key, fits=covered(rows, sources, payloads))
    return page, early, payloads


def _allow_payloads(caller: Caller, execution: Row, asked: Including) -> None:
    if asked.with_payloads and not caller.may_read_payloads(execution["tenant_id"], execution["owner_id"]):
        raise ProblemError("forbidden", "payloads of others' executions need the role payloads")


def _allow_payloads_of_list(caller: Caller, filters: Filters) -> None:
    """A list may show them when everything in it is the reader's own."""
    tenant = None if caller.sees is Sees.ADMIN else caller.tenant
    owner = caller.subject if caller.sees is Sees.OWNER else filters.owner_id
    if not caller.may_read_payloads(tenant or "", owner):
        raise ProblemError("forbidden", "payloads of others' executions need the role payloads")


def _place(scope: str, asked: PageOf, kinds: Sequence[type]) -> Key | None:
    return None if asked.cursor is None else read_cursor(scope, asked.cursor, kinds)


def _json(shown: BaseModel, include: Any = None) -> Response:
    return Response(shown.model_dump_json(include=include), media_type="application/json")
