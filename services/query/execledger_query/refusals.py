"""What goes wrong on the way to an answer, as the problem that the client reads."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from execledger_query import problems
from execledger_query.errors import DamagedError, InvalidCursorError, KeysUnavailableError
from execledger_query.problems import ParameterError, ProblemError
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable

_RETRY_SECONDS: Final = "5"

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def say_refusals(api: FastAPI) -> None:
    """Let each of these errors be answered by its problem."""
    api.add_exception_handler(ProblemError, _said)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(InvalidCursorError, _invalid_cursor)
    api.add_exception_handler(StoreUnavailable, _unavailable)
    api.add_exception_handler(KeysUnavailableError, _unavailable)
    api.add_exception_handler(StoreTooSlow, _too_slow)
    api.add_exception_handler(DamagedError, _damaged)
    api.add_exception_handler(HTTPException, _refused)


async def _said(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  # for the type checker: registered for nothing else
    return error.response


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    there_are = _parameters_of(request)
    return problems.invalid_parameters([_explained(fault, there_are) for fault in error.errors()])


def _parameters_of(request: Request) -> str:
    """The names of what may stand in the query of this route, as the document has them.

    They are not read there: to make the document takes most of a second, in which nobody else is answered.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return ""
    names = (field.alias for field in get_flat_params(_query_of(route.dependant)))
    return ", ".join(name for name in names if not name.endswith("[]"))  # another way to write one that is there


def _query_of(dependant: Dependant) -> Dependant:
    """What it and what it depends on take from the query alone."""
    below = [field for each in dependant.dependencies for field in _query_of(each).query_params]
    return Dependant(query_params=[*dependant.query_params, *below])


async def _invalid_cursor(_request: Request, error: Exception) -> Response:
    faults = [{"parameter": "cursor", "detail": str(error)}]
    return problems.problem("invalid-cursor", str(error), errors=faults)


async def _unavailable(_request: Request, error: Exception) -> Response:
    return problems.problem("unavailable", str(error), headers={"Retry-After": _RETRY_SECONDS})


async def _too_slow(_request: Request, error: Exception) -> Response:
    return problems.problem("too-slow", f"{error}: narrow the request")


async def _damaged(_request: Request, error: Exception) -> Response:
    log.error("record_damaged", cause=str(error))
    return problems.problem("damaged", str(error))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return problems.of_status(error.status_code, error.headers)


def _explained(fault: Mapping[str, Any], there_are: str) -> ParameterError:
    """What pydantic says, without the value; of a rule over several parameters the text names the one."""
    where, *within = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return ParameterError(pointer="", detail="this is not JSON")
    if fault["type"] == "extra_forbidden":
        message = (
            "there is no such member" if where == "body" else f"there is none of that name, but {there_are or 'none'}"
        )
    if fault["type"] == "model_attributes_type":
        message = "should be a JSON object, sent as application/json"
    if where == "body":
        return ParameterError(pointer="".join(f"/{part}" for part in within), detail=message)
    if within:
        return ParameterError(parameter=str(within[0]), detail=message)
    parameter, _, detail = message.partition(": ")
    return ParameterError(parameter=parameter, detail=detail)
