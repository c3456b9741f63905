"""What routes work with: whom a request comes from, the execution that it names, and how it is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Response
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from execledger_contracts.fields import RequiredIdentifier
from execledger_query.auth import Authenticator
from execledger_query.caller import Caller, Role, Sees
from execledger_query.errors import InvalidTokenError
from execledger_query.freshness import Freshness
from execledger_query.lookup import Several, find
from execledger_query.pages import Sources, covered, read_payloads
from execledger_query.paging import Key, read_cursor, split
from execledger_query.parameters import Including, Page
from execledger_query.problems import ProblemError, documented
from execledger_query.shares import Shares, TooManyError
from execledger_query.signing import Signing
from execledger_query.store import Filters, Reader, Row, Store
from execledger_query.views import Payloads

WHO_ASKED: Final = "execledger.who_asked"
"""Where a request's state says to the log who it is from."""

WITHOUT_BODY: Final = "execledger.without_body"
"""In a scope: nobody reads the body, which need not be made where it would not end."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with; the application holds it in its state."""

    store: Store
    primary: Store  # what must not lie behind: streams, waits, and what is written
    authenticator: Authenticator
    freshness: Freshness
    registry: CollectorRegistry
    shares: Shares
    serves_metrics: bool
    page_bytes: int
    signing: Signing
    explaining: asyncio.Semaphore  # a core is what an explanation takes: others would but wait with all they hold


async def services(request: Request) -> Services:
    """The framework runs what does not wait in a thread, which takes longer than a statement: so this one can."""
    held: Services = request.app.state.services
    return held


ServicesOf = Annotated[Services, Depends(services)]
_OPERATORS: Final = frozenset({Role.SERVICE, Role.ADMIN})
_BEARER: Final = "bearer"


class Identity(SecurityBase):
    """Whom a request comes from; answers 401. It is also what the document says that routes need.

    All in one: each dependency that the framework walks through takes a twentieth of a request.
    """

    def __init__(self) -> None:
        self.model = HTTPBearerModel(bearerFormat="JWT", description="claims `sub`, `tenant`, `roles`, `exp`")
        self.scheme_name = "HTTPBearer"

    async def __call__(self, request: Request) -> Caller:
        """Raises ProblemError."""
        held: Services = request.app.state.services
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        try:
            caller = await held.authenticator.identify(token if scheme.lower() == _BEARER and token else None)
        except InvalidTokenError as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            raise ProblemError("unauthenticated", str(error), headers={"WWW-Authenticate": challenge}) from error
        if caller is None:
            raise ProblemError("unauthenticated", "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
        request.scope.setdefault("state", {})[WHO_ASKED] = {"subject": caller.subject, "tenant": caller.tenant}
        return caller


identify: Final = Identity()


async def admit(held: ServicesOf, caller: Annotated[Caller, Depends(identify)]) -> AsyncIterator[Caller]:
    """Whom the request comes from, once it is one of as many as they may ask; answers 401, and 429 when it never is."""
    with few_enough():
        async with held.shares.admitted(caller.person):
            yield caller


@contextmanager
def few_enough() -> Iterator[None]:
    """Answer 429 where somebody asks more than their share."""
    try:
        yield
    except TooManyError as error:
        headers = {"Retry-After": str(error.retry_seconds)}
        raise ProblemError("too-many-requests", str(error), headers=headers) from error


CallerOf = Annotated[Caller, Depends(admit)]
Finding = Callable[[Reader, str], Awaitable[Row | Several | None]]


async def operate(caller: CallerOf) -> Caller:
    """Whom the request comes from; answers 403 when they may not act, nor run the system."""
    if not caller.roles & _OPERATORS:
        raise ProblemError("forbidden", "this needs the role service or admin")
    return caller


Operator = Annotated[Caller, Depends(operate)]
Name = Annotated[RequiredIdentifier, Path(alias="id", description="internal or external id; the internal one wins")]
ANY: Final = ("forbidden", "too-large", "internal")  # whatever is asked
_OF_DATA: Final = ("invalid-parameter", "unauthenticated", "too-many-requests", "damaged", "unavailable", "too-slow")
PROBLEMS: Final = documented(*ANY, *_OF_DATA)
OF_ONE: Final = documented("not-found")
OF_EXECUTION: Final[dict[int | str, dict[str, Any]]] = {
    **documented("not-found", "conflict"),
    304: {"description": "The client has it already: If-None-Match names its ETag"},
}


async def found(reader: Reader, name: str, find: Finding = find) -> Row:
    match await find(reader, name):
        case None:
            raise ProblemError("not-found", "there is no such execution")
        case Several(bearers):
            named = [{"id": str(bearer["id"]), "tenant_id": bearer["tenant_id"]} for bearer in bearers]
            tenants = ", ".join(bearer["tenant_id"] for bearer in named)
            raise ProblemError("conflict", f"several tenants have an execution of that id: {tenants}", executions=named)
        case row:
            return row


async def payloads_of(
    held: Services, reader: Reader, rows: Sequence[Row], sources: Sources, key: Callable[[Row], Key], asked: Including
) -> tuple[Sequence[Row], Key | None, Payloads]:
    """The rows whose payloads have room in a page, the key at which they end early, and the payloads, if asked for."""
    if not asked.with_payloads:
        return rows, None, {}
    payloads = await read_payloads(reader, rows, sources, held.page_bytes)
    page, early = split(rows, len(rows), key, fits=covered(rows, sources, payloads))
    return page, early, payloads


def allow_payloads(caller: Caller, execution: Row, asked: Including) -> None:
    if asked.with_payloads and not caller.may_read_payloads(execution["tenant_id"], execution["owner_id"]):
        raise ProblemError("forbidden", "payloads of others' executions need the role payloads")


def allow_payloads_of_list(caller: Caller, filters: Filters, asked: Including) -> None:
    """A list may show them when everything in it is the reader's own."""
    tenant = None if caller.sees is Sees.ADMIN else caller.tenant
    owner = caller.subject if caller.sees is Sees.OWNER else filters.owner_id
    if asked.with_payloads and not caller.may_read_payloads(tenant or "", owner):
        raise ProblemError("forbidden", "payloads of others' executions need the role payloads")


def place(scope: str, asked: Page, kinds: Sequence[type]) -> Key | None:
    return None if asked.cursor is None else read_cursor(scope, asked.cursor, kinds)


def answer(shown: BaseModel, include: Any = None, exclude: Any = None) -> Response:
    return Response(shown.model_dump_json(include=include, exclude=exclude), media_type="application/json")
