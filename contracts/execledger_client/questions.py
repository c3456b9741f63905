"""What both clients ask, and how the answers are read. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar, overload
from urllib.parse import quote

import msgspec

from execledger_client.models import (
    Event,
    Execution,
    ExecutionField,
    ExecutionFilters,
    Explanation,
    ListedExecution,
    Step,
    Timeline,
)
from execledger_client.problems import problem_of

Answer_co = TypeVar("Answer_co", covariant=True)
Item = TypeVar("Item")
Fields = Sequence[ExecutionField]
SILENCE_SECONDS: Final = 45.0
"""Longer than a stream is ever silent: then its connection is lost."""
_EXECUTIONS: Final = "/v1/executions"


class ListedFilters(ExecutionFilters, total=False):
    """What is listed: `sort` as the API's; `limit` is that of a page."""

    sort: str
    limit: int


class StreamedFilters(ExecutionFilters, total=False):
    """What is followed, and with how many of the newest it begins: `limit`."""

    limit: int


class Response(Protocol):
    """What is read of an answer."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class Page(msgspec.Struct, Generic[Item]):
    """A page of whatever the API lists."""

    items: list[Item]
    next_cursor: str | None = None


class Question(NamedTuple, Generic[Answer_co]):
    """A request, and the shape of its answer; of a stream, that of the executions in it."""

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


@overload
def executions(fields: None, filters: Mapping[str, Any], *, payloads: bool) -> Question[Page[Execution]]: ...
@overload
def executions(fields: Fields, filters: Mapping[str, Any], *, payloads: bool) -> Question[Page[ListedExecution]]: ...
def executions(
    fields: Fields | None, filters: Mapping[str, Any], *, payloads: bool
) -> Question[Page[Execution]] | Question[Page[ListedExecution]]:
    """With `fields` members that were not asked for are None."""
    parameters = parameters_of({"limit": 200, **filters}, fields=fields, **_including(payloads))
    if fields is None:
        return Question(_EXECUTIONS, parameters, Page[Execution])
    return Question(_EXECUTIONS, parameters, Page[ListedExecution])


def steps(execution_id: object, *, payloads: bool) -> Question[Page[Step]]:
    return Question(_path(execution_id, "/steps"), _including(payloads, limit=200), Page[Step])


def events(execution_id: object, *, payloads: bool) -> Question[Page[Event]]:
    return Question(_path(execution_id, "/events"), _including(payloads, limit=200), Page[Event])


def whatever(path: str, parameters: Mapping[str, Any]) -> Question[Any]:
    return Question(path, parameters_of(parameters), object)


def all_of(path: str, parameters: Mapping[str, Any]) -> Question[Page[Any]]:
    return Question(path, parameters_of(parameters), Page[Any])


@overload
def stream(fields: None, filters: Mapping[str, Any], *, payloads: bool) -> Question[Execution]: ...
@overload
def stream(fields: Fields, filters: Mapping[str, Any], *, payloads: bool) -> Question[ListedExecution]: ...
def stream(
    fields: Fields | None, filters: Mapping[str, Any], *, payloads: bool
) -> Question[Execution] | Question[ListedExecution]:
    parameters = parameters_of(filters, fields=fields, **_including(payloads))
    if fields is None:
        return Question("/v1/stream", parameters, Execution)
    return Question("/v1/stream", parameters, ListedExecution)


def stream_of(execution_id: object, *, payloads: bool) -> Question[Execution]:
    return Question(_path(execution_id, "/stream"), _including(payloads), Execution)


def parameters_of(given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The query parameters: times as RFC 3339, lists as often as they have words; what is None is left out.

    >>> parameters_of({"status": ["failed", "cancelled"], "label": {"team": "a,b"}, "owner_id": None}, limit=2)
    {'status': ['failed', 'cancelled'], 'label': ['team=a,b'], 'limit': 2}
    """
    return {name: _written(value) for name, value in {**given, **more}.items() if value is not None}


def _path(execution_id: object, part: str = "") -> str:
    return f"{_EXECUTIONS}/{quote(str(execution_id), safe='')}{part}"


def _including(payloads: bool, **more: Any) -> dict[str, Any]:
    return {**({"include": "payloads"} if payloads else {}), **more}


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return [f"{key}={each}" for key, each in value.items()]
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [*map(str, value)]
    return value.isoformat() if hasattr(value, "isoformat") else value
