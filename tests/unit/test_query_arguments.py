"""Arguments that are made of a request at once are those that the framework makes, and so are its refusals."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from execledger_contracts.fields import RequiredIdentifier
from execledger_query.analytics import analytics, registry
from execledger_query.arguments import Direct
from execledger_query.execution.routes import of_execution
from execledger_query.narrowing import PageOfExecutions
from execledger_query.routes import v1

_ended: list[str] = []


async def _who(request: Request) -> str:
    return request.headers.get("who", "nobody")


async def _present(who: Annotated[str, Depends(_who)]) -> Any:
    yield who
    _ended.append(who)


def _served(route_class: type[APIRoute]) -> TestClient:
    router = APIRouter(route_class=route_class)

    @router.get("/of/{id}")
    async def show(
        who: Annotated[str, Depends(_present)],
        again: Annotated[str, Depends(_who)],
        name: Annotated[RequiredIdentifier, Path(alias="id")],
        asked: Annotated[PageOfExecutions, Query()],
    ) -> Response:
        return Response(repr((who, again, name, asked)))

    app = FastAPI()
    app.include_router(router)

    @app.exception_handler(RequestValidationError)
    async def refused(_request: Request, error: Any) -> Response:
        return Response(repr(sorted((fault["type"], fault["loc"], fault["msg"]) for fault in error.errors())), 400)

    return TestClient(app)


@pytest.mark.parametrize(
    "asked",
    [
        "/of/a",
        "/of/a?limit=7&limit=8&status=failed&status=completed,running&tag=x&tag[]=y",
        "/of/a?label.region=eu&label.region=us&label.tier=1&label=k=v",
        "/of/a?status[]=failed&fields=id,status&total=true&cost_usd_gte=0.5",
        "/of/a?limit=many&nothing=1&nothing=2&status=lost",
        "/of/a?started_after=2026-03-01T12:00:00Z&q=",
        f"/of/{'x' * 300}?limit=0",
        "/of/a?fields=input",
        "/of/a?status_list=failed&limit=",
    ],
)
def test_they_are_what_the_framework_makes(asked: str) -> None:
    usual = _served(APIRoute).get(asked, headers={"who": "me"})
    direct = _served(Direct).get(asked, headers={"who": "me"})
    assert (direct.status_code, direct.text) == (usual.status_code, usual.text)


def test_of_a_parameter_that_was_said_twice_the_last_counts() -> None:
    assert "limit=8" in _served(Direct).get("/of/a?limit=7&limit=8").text


def test_what_a_dependency_began_ends_once_the_answer_was_sent() -> None:
    _ended.clear()
    assert _served(Direct).get("/of/a", headers={"who": "me"}).status_code == 200
    assert _ended == ["me"]


def test_the_routes_that_read_are_made_so() -> None:
    routes = [route for router in (v1, of_execution, analytics, registry) for route in router.routes]
    as_ever = [route for route in routes if "Direct.get_route_handler" not in repr(_handler(route))]
    assert as_ever == []


def _handler(route: Any) -> Any:
    assert isinstance(route, Direct)
    return route.get_route_handler()
