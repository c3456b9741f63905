"""Errors as the client reads them: problem details, RFC 9457."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:execledger:problem:"

# Status and title of each problem. Titles are ours: those of http.HTTPStatus differ between versions of Python.
_PROBLEMS: Final = {
    "bad-request": (400, "Bad request"),
    "invalid-parameter": (400, "Invalid parameter"),
    "invalid-cursor": (400, "Invalid cursor"),
    "unauthenticated": (401, "Not authenticated"),
    "forbidden": (403, "Forbidden"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "conflict": (409, "Conflict"),
    "too-large": (413, "Content too large"),
    "too-many-requests": (429, "Too many requests"),
    "internal": (500, "Internal error"),
    "damaged": (500, "Damaged record"),
    "unavailable": (503, "Unavailable"),
    "too-slow": (504, "Too slow"),
}
_OF_STATUS: Final = {status: name for name, (status, _) in reversed(_PROBLEMS.items())}


class ParameterError(BaseModel):
    """What is wrong with one parameter, or with one member of the body."""

    parameter: str | None = Field(default=None, description="its name", examples=["limit"])
    pointer: str | None = Field(default=None, description="the member of the body, RFC 6901", examples=["/reason"])
    detail: str

    @property
    def where(self) -> str:
        return self.parameter or f"body{self.pointer or ''}"


class Namesake(BaseModel):
    """One of several executions that bear an external id."""

    id: str
    tenant_id: str


class Problem(BaseModel):
    """Why a request was not answered: problem details, RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="what kind of problem: urn:execledger:problem:NAME", examples=[f"{TYPE}not-found"])
    title: str
    status: int
    detail: str | None = None
    errors: list[ParameterError] | None = Field(default=None, description="of invalid-parameter")
    executions: list[Namesake] | None = Field(default=None, description="of conflict: who bears that external id")


class ProblemError(Exception):
    """Answers the request with that problem."""

    def __init__(self, name: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.response = problem(name, detail, headers=headers, **members)


def problem(name: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> JSONResponse:
    """The answer for a problem of that name; `members` are further members of the object."""
    status, title = _PROBLEMS[name]
    body = {"type": TYPE + name, "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def documented(*names: str) -> dict[int | str, dict[str, Any]]:
    """Of an operation in the document: the answers that these problems are, by status."""
    titles: dict[int | str, list[str]] = {}
    for name in names:
        status, title = _PROBLEMS[name]
        titles.setdefault(status, []).append(title)
    return {status: {"model": Problem, "description": ", or: ".join(said)} for status, said in sorted(titles.items())}


def of_status(status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for what the framework refused: no such route, a method that the route lacks."""
    name = _OF_STATUS.get(status, "bad-request")
    detail = {404: "nothing is served at this address", 405: "this address does not take that method"}.get(status, "")
    return problem(name, detail or _PROBLEMS[name][1], headers=headers)


def invalid_parameters(errors: Sequence[ParameterError]) -> JSONResponse:
    detail = "; ".join(f"{error.where}: {error.detail}" for error in errors)
    return problem("invalid-parameter", detail, errors=[error.model_dump(exclude_none=True) for error in errors])
