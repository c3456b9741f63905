"""Routes of what is followed live, as Server-Sent Events."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from execledger_query import views
from execledger_query.caller import Caller
from execledger_query.errors import InvalidCursorError
from execledger_query.feed import Place, read_place
from execledger_query.live.channels import Channel, ExecutionChannel, ListChannel, Reading
from execledger_query.live.hub import Hub
from execledger_query.live.stream import Stream
from execledger_query.narrowing import StreamOfExecutions
from execledger_query.parameters import Including
from execledger_query.problems import ProblemError
from execledger_query.service import (
    OF_EXECUTION,
    PROBLEMS,
    WITHOUT_BODY,
    Name,
    ServicesOf,
    allow_payloads,
    allow_payloads_of_list,
    few_enough,
    found,
    identify,
)

_MEDIA_TYPE: Final = EventSourceResponse.media_type
_HEADERS: Final = {"X-Accel-Buffering": "no"}  # a proxy that collects answers would keep them for ever
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events, until the client goes.", "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
_ENDED: Final[dict[int | str, dict[str, Any]]] = {204: {"description": "The end was sent: there is nothing to follow."}}

live = APIRouter(prefix="/v1", tags=["streams"], responses=PROBLEMS)


async def hub(request: Request) -> Hub:
    held: Hub = request.app.state.hub
    return held


HubOf = Annotated[Hub, Depends(hub)]


async def follow(streams: HubOf, caller: Annotated[Caller, Depends(identify)]) -> AsyncIterator[Caller]:
    """Whom the request comes from, once it is one of as many streams as they may have; answers 401, and 429."""
    with few_enough(), streams.admitted(caller.person):
        yield caller


FollowerOf = Annotated[Caller, Depends(follow)]
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="`id` of the last event that was read: what came since")
]


@live.get("/stream", response_class=Response, responses=_STREAM)
async def stream_executions(
    request: Request,
    held: ServicesOf,
    caller: FollowerOf,
    asked: Annotated[StreamOfExecutions, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Executions as lists show them, each time they change; to begin with the newest ones that there are."""
    allow_payloads_of_list(caller, asked.filters, asked)
    fields = views.shown_fields(asked.fields, with_payloads=asked.with_payloads)
    seen_as = caller.likeness(with_payloads=asked.with_payloads)
    channel = ListChannel(seen_as, asked.filters, frozenset(fields), asked.with_payloads)
    with few_enough(), _from_header():
        async with held.shares.admitted(caller.person), held.primary.reading(caller) as reader:
            given = _given(channel, last_event_id)
            place = await channel.begin(reader, asked.limit) if given is None else given
            reading = await channel.read(reader, place)
    return _answer(request, Stream(channel, place, caller.expires_at), reading)


@live.get("/executions/{id}/stream", response_class=Response, responses={**_STREAM, **_ENDED, **OF_EXECUTION})
async def stream_execution(
    request: Request,
    held: ServicesOf,
    caller: FollowerOf,
    name: Name,
    asked: Annotated[Including, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """One execution: its events in the order in which they came, the record after each change, and its end."""
    seen_as = caller.likeness(with_payloads=asked.with_payloads)
    with few_enough(), _from_header():
        async with held.shares.admitted(caller.person), held.primary.reading(caller) as reader:
            row = await found(reader, name)
            allow_payloads(caller, row, asked)
            channel = ExecutionChannel(seen_as, row["id"], held.page_bytes, asked.with_payloads)
            place = _given(channel, last_event_id) or Place()
            reading = await channel.read(reader, place)
    stream = Stream(channel, place, caller.expires_at)
    if place.has_ended and not any(item.is_new_to(place) for item in reading.items):
        return Response(status_code=204)
    return _answer(request, stream, reading)


def _given(channel: Channel, last_event_id: str | None) -> Place | None:
    return read_place(channel.scope, last_event_id) if last_event_id else None


@contextmanager
def _from_header() -> Iterator[None]:
    """Say of a cursor that is none where it was given."""
    try:
        yield
    except InvalidCursorError as error:
        errors = [{"parameter": "Last-Event-ID", "detail": str(error)}]
        raise ProblemError("invalid-cursor", str(error), errors=errors) from error


def _answer(request: Request, stream: Stream, reading: Reading) -> Response:
    if request.scope.get(WITHOUT_BODY):
        return Response(media_type=_MEDIA_TYPE)
    streams: Hub = request.app.state.hub
    return StreamingResponse(streams.follow(stream, reading), media_type=_MEDIA_TYPE, headers=_HEADERS)
