"""The arguments of a route, made of a request at once.

The framework takes a query apart parameter by parameter, and walks through what each dependency needs, with every
request: a fifth of its processor time. Here a route is looked at when it is made. It is declared as ever, and so it
stands in the document.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple, get_origin

from fastapi import Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_UNTIL_SENT: Final = "fastapi_inner_astack"  # what the framework leaves once the answer was sent


class _Dependency(NamedTuple):
    """What a dependency is called with, by name, each made before it; an answer may end what it began."""

    call: Callable[..., Any]
    needs: Mapping[str, Any]
    is_context: bool


class _InQuery(NamedTuple):
    shape: type[BaseModel]
    single: frozenset[str]
    several: frozenset[str]


class _InPath(NamedTuple):
    name: str
    kind: TypeAdapter[Any]


class Direct(APIRoute):
    """A route whose parameters are a model of its query, texts of its path, and dependencies; others are as ever."""

    def get_route_handler(self) -> Handler:
        """Raises RequestValidationError when called, as the original does."""
        as_ever = super().get_route_handler()
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        try:
            dependencies, named = _needs(endpoint)
        except _OtherError:
            return as_ever

        async def handle(request: Request) -> Response:
            made: dict[Any, Any] = {Request: request}
            for call, needs, is_context in dependencies:
                making = call(**{name: made[need] for name, need in needs.items()})
                stack: AsyncExitStack = request.scope[_UNTIL_SENT]
                made[call] = await (stack.enter_async_context(making) if is_context else making)
            return await endpoint(**_read(request, named, made))

        return handle


class _OtherError(Exception):
    """A parameter is of another kind."""


def _needs(endpoint: Callable[..., Any]) -> tuple[Sequence[_Dependency], Mapping[str, Any]]:
    """The dependencies, each behind those that it needs, and by name what the parameters are."""
    made: dict[Any, _Dependency | None] = {Request: None}
    contexts: dict[Any, Any] = {}

    def made_of(parameter: inspect.Parameter) -> Any:
        kind = _kind(parameter)
        if kind is Request or not callable(kind):
            return kind
        if kind not in contexts:
            needs = {name: made_of(each) for name, each in inspect.signature(kind, eval_str=True).parameters.items()}
            is_context = inspect.isasyncgenfunction(kind)
            contexts[kind] = asynccontextmanager(kind) if is_context else kind
            made[contexts[kind]] = _Dependency(contexts[kind], needs, is_context)
        return contexts[kind]

    named = {name: made_of(each) for name, each in inspect.signature(endpoint, eval_str=True).parameters.items()}
    return [each for each in made.values() if each], named


def _kind(parameter: inspect.Parameter) -> Any:
    """The dependency, or the part of the request, that a parameter is. Raises _OtherError."""
    if parameter.annotation is Request:
        return Request
    said = next((each for each in getattr(parameter.annotation, "__metadata__", ()) if _is_known(each)), None)
    match said:
        case params.Depends(dependency=call) if call is not None:
            return call
        case params.Query():
            return _in_query(parameter.annotation.__origin__)
        case params.Path():
            return _InPath(said.alias or parameter.name, TypeAdapter(parameter.annotation))
    raise _OtherError


def _is_known(said: Any) -> bool:
    return isinstance(said, params.Depends | params.Query | params.Path)


def _in_query(shape: type[BaseModel]) -> _InQuery:
    single: set[str] = set()
    several: set[str] = set()
    for name, field in shape.model_fields.items():
        (several if get_origin(field.annotation) is list else single).update((name, field.alias or name))
    return _InQuery(shape, frozenset(single), frozenset(several))


def _read(request: Request, named: Mapping[str, Any], made: Mapping[Any, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults: list[Any] = []
    for name, kind in named.items():
        try:
            match kind:
                case _InQuery():
                    where: tuple[str, ...] = ("query",)
                    values[name] = kind.shape.model_validate(_said(request, kind))
                case _InPath():
                    where = ("path", kind.name)
                    values[name] = kind.kind.validate_python(request.path_params[kind.name])
                case _:
                    values[name] = made[kind]
        except ValidationError as error:
            faults += _within(where, error)
    if faults:
        raise RequestValidationError(faults)
    return values


def _said(request: Request, asked: _InQuery) -> dict[str, Any]:
    """The values of a query by name: the last of one, a list of what may be several, or is no parameter at all."""
    said: dict[str, Any] = {}
    others: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name in asked.single:
            said[name] = value
        elif name in asked.several:
            said.setdefault(name, []).append(value)
        else:
            others.setdefault(name, []).append(value)
    return said | {name: values[0] if len(values) == 1 else values for name, values in others.items()}


def _within(where: tuple[str, ...], error: ValidationError) -> Iterator[dict[str, Any]]:
    for fault in error.errors(include_url=False):
        yield {**fault, "loc": (*where, *fault["loc"])}
