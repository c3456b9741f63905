"""A stream of Server-Sent Events, read: pieces of bytes in, events out. No I/O."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from execledger_client.models import Event, Execution
from execledger_client.problems import ProblemError

_LEFT_OPEN: Final = ("unauthenticated", "not-found", "forbidden", "damaged")


class StreamEvent(msgspec.Struct, frozen=True):
    """What a stream says: `execution` and `end` have the record, `event` an event, `reset` a reason.

    `id` is where to go on from, with `last_event_id`.
    """

    kind: str
    id: str | None
    execution: Execution | None = None
    event: Event | None = None
    reason: str | None = None


class Place:
    """Where a stream stands, over all connections that it takes."""

    def __init__(self, last_event_id: str | None) -> None:
        self.last_event_id = last_event_id
        self.retry_seconds = 2.0
        self.has_ended = False
        self._blocks = Blocks()

    @property
    def headers(self) -> dict[str, str]:
        """Those of the next connection."""
        self._blocks = Blocks()
        return {"Accept": "text/event-stream", **({"Last-Event-ID": self.last_event_id} if self.last_event_id else {})}

    def take(self, piece: bytes) -> Iterator[StreamEvent]:
        """The events that a piece completes. Raises ProblemError where going on would not help."""
        for fields in self._blocks.completed(piece):
            self.last_event_id = fields.get("id") or self.last_event_id
            self.retry_seconds = int(fields.get("retry", self.retry_seconds * 1000)) / 1000
            if event := _event(fields):
                self.has_ended = event.kind == "end"
                yield event


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


def _event(fields: dict[str, str]) -> StreamEvent | None:
    data, id_ = fields.get("data"), fields.get("id")
    match fields.get("event"):
        case ("execution" | "end") as kind if data:
            return StreamEvent(kind, id_, execution=msgspec.json.decode(data, type=Execution))
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
