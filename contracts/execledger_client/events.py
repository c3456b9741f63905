"""A stream of Server-Sent Events, read: pieces of bytes in, events out; and when it is asked for again. No I/O."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

import httpx2
import msgspec

from execledger_client.models import Event
from execledger_client.problems import ProblemError
from execledger_client.questions import SILENCE_SECONDS, Question

Shown = TypeVar("Shown")
_LEFT_OPEN: Final = ("unauthenticated", "not-found", "forbidden", "damaged")


class StreamEvent(msgspec.Struct, Generic[Shown], frozen=True):
    """What a stream says: `execution` and `end` have the record, `event` an event, `reset` a reason.

    `id` is where to go on from, with `last_event_id`.
    """

    kind: str
    id: str | None
    execution: Shown | None = None
    event: Event | None = None
    reason: str | None = None


class Place(Generic[Shown]):
    """Where a stream stands, over all connections that it takes."""

    def __init__(self, shape: type[Shown], last_event_id: str | None) -> None:
        self.last_event_id = last_event_id
        self.retry_seconds = 2.0
        self.has_ended = False
        self._shape = shape
        self._blocks = Blocks()

    @property
    def headers(self) -> dict[str, str]:
        """Those of the next connection."""
        self._blocks = Blocks()
        return {"Accept": "text/event-stream", **({"Last-Event-ID": self.last_event_id} if self.last_event_id else {})}

    def take(self, piece: bytes) -> Iterator[StreamEvent[Shown]]:
        """The events that a piece completes. Raises ProblemError where going on would not help."""
        for fields in self._blocks.completed(piece):
            self.last_event_id = fields.get("id") or self.last_event_id
            self.retry_seconds = int(fields.get("retry", self.retry_seconds * 1000)) / 1000
            if event := _event(fields, self._shape):
                self.has_ended = event.kind == "end"
                yield event


class Following(Generic[Shown]):
    """A stream that is followed over as many connections as it takes, until its end or for so many seconds."""

    def __init__(
        self, question: Question[Shown], last_event_id: str | None = None, seconds: float | None = None
    ) -> None:
        self._question = question
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self.place = Place(question.shape, last_event_id)

    @property
    def goes_on(self) -> bool:
        """Whether there is a connection to be made."""
        return not self.place.has_ended and self._left(SILENCE_SECONDS) > 0

    @property
    def pause(self) -> float:
        """Seconds to wait before the next connection."""
        return 0.0 if self.place.has_ended else max(0.0, self._left(self.place.retry_seconds))

    def request(self, base_url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """The next connection, as httpx2 takes it."""
        return {
            "method": "GET",
            "url": base_url + self._question.path,
            "params": self._question.parameters,
            "headers": {**headers, **self.place.headers},
            "timeout": httpx2.Timeout(self._left(SILENCE_SECONDS)),
        }

    def _left(self, seconds: float) -> float:
        return seconds if self._deadline is None else min(seconds, self._deadline - time.monotonic())


@contextmanager
def interruptions() -> Iterator[None]:
    """What a stream outlasts: a connection that is lost, a service that is away."""
    try:
        yield
    except httpx2.TransportError:
        pass
    except ProblemError as error:
        if not error.may_pass:
            raise


class Blocks:
    """The lines of a stream, gathered into blocks of fields."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}

    def completed(self, piece: bytes) -> Iterator[dict[str, str]]:
        """Those that a piece completes. Data is one line: the service writes JSON so."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            name, _, value = line.rstrip(b"\r").decode().partition(":")
            if name:
                self._fields[name] = value.removeprefix(" ")
            elif not value and self._fields:
                fields, self._fields = self._fields, {}
                yield fields


def _event(fields: dict[str, str], shape: type[Shown]) -> StreamEvent[Shown] | None:
    data, id_ = fields.get("data"), fields.get("id")
    match fields.get("event"):
        case ("execution" | "end") as kind if data:
            return StreamEvent(kind, id_, execution=msgspec.json.decode(data, type=shape))
        case "event" if data:
            return StreamEvent("event", id_, event=msgspec.json.decode(data, type=Event))
        case "reset" if data:
            return StreamEvent("reset", id_, reason=_reason(data)[1])
        case "dropped" if data:
            problem, reason = _reason(data)
            if problem.rpartition(":")[2] in _LEFT_OPEN:
                raise ProblemError(problem, 0, reason, [])
    return None


def _reason(data: str) -> tuple[str, str]:
    said: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
    return str(said.get("type", "")), str(said.get("reason", ""))
