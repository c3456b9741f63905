"""What both clients ask, and how the answers are read. No I/O."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from execledger_client.models import (
    EventPage,
    Execution,
    ExecutionPage,
    Explanation,
    StepPage,
    Timeline,
)
from execledger_client.problems import problem_of

Answer_co = TypeVar("Answer_co", covariant=True)
SILENCE_SECONDS: Final = 45.0
"""Longer than a stream is ever silent: then its connection is lost."""
_EXECUTIONS: Final = "/v1/executions"


class Response(Protocol):
    """What is read of an answer."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class AnyPage(msgspec.Struct):
    """A page of whatever the API lists."""

    items: list[Any]
    next_cursor: str | None = None


class Question(NamedTuple, Generic[Answer_co]):
    """A request, and the shape of its answer."""

    path: str
    parameters: dict[str, Any]
    shape: type[Answer_co]

    def answer(self, response: Response) -> Answer_co:
        """What the response says. Raises ProblemError."""
        check(response)
        return msgspec.json.decode(response.content, type=self.shape)

    def at(self, cursor: str | None) -> "Question[Answer_co]":
        """The same for the page behind a cursor."""
        return self._replace(parameters=parameters_of(self.parameters, cursor=cursor))


def check(response: Response) -> None:
    """Raise the ProblemError that a response is, if it is one."""
    if response.status_code >= 400:
        raise problem_of(response.status_code, response.content, response.headers.get("retry-after"))


def execution(execution_id: object, *, payloads: bool) -> Question[Execution]:
    return Question(_path(execution_id), _including(payloads), Execution)


def explanation(execution_id: object, *, payloads: bool) -> Question[Explanation]:
    return Question(_path(execution_id, "/explain"), _including(payloads), Explanation)


def timeline(execution_id: object, *, payloads: bool) -> Question[Timeline]:
    return Question(_path(execution_id, "/timeline"), _including(payloads), Timeline)


def executions(filters: Mapping[str, Any]) -> Question[ExecutionPage]:
    return Question(_EXECUTIONS, parameters_of({"limit": 200, **filters}), ExecutionPage)


def steps(execution_id: object, *, payloads: bool) -> Question[StepPage]:
    return Question(_path(execution_id, "/steps"), _including(payloads, limit=200), StepPage)


def events(execution_id: object, *, payloads: bool) -> Question[EventPage]:
    return Question(_path(execution_id, "/events"), _including(payloads, limit=200), EventPage)


def stream(filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and parameters."""
    return "/v1/stream", parameters_of(filters)


def stream_of(execution_id: object, *, payloads: bool) -> tuple[str, dict[str, Any]]:
    """Path and parameters."""
    return _path(execution_id, "/stream"), _including(payloads)


def parameters_of(given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The query parameters: times as RFC 3339, lists between commas; what is None is left out.

    >>> parameters_of({"status": ["failed", "cancelled"], "owner_id": None}, limit=2)
    {'status': 'failed,cancelled', 'limit': 2}
    """
    return {name: _written(value) for name, value in {**given, **more}.items() if value is not None}


def _path(execution_id: object, part: str = "") -> str:
    return f"{_EXECUTIONS}/{quote(str(execution_id), safe='')}{part}"


def _including(payloads: bool, **more: Any) -> dict[str, Any]:
    return {**({"include": "payloads"} if payloads else {}), **more}


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else value
