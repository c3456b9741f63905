"""Inngest's events of functions: `inngest/function.finished`, `.failed`, `.cancelled`.

Made from inngest.com/docs/reference/system-events and the names in inngest/inngest-js (internalEvents). A run of a
function is an execution. Inngest says of it only how it ended, with the event that set it off: the moment of that event
is when the execution was created. Its steps, and the calls in them, are in no event.
"""

from collections.abc import Iterator
from typing import Any, Final

from execledger_contracts.adapters.foreign import (
    Document,
    event,
    first,
    needed,
    of_microseconds,
    own_type,
    part,
    said,
    some,
    text,
    whole,
)

SOURCE: Final = "urn:inngest"

_FUNCTION: Final = "inngest/function."
_ENDINGS: Final = {"finished", "failed", "cancelled"}
_CRON: Final = "inngest/scheduled.timer"


def translate(document: Document, key: str | None) -> Iterator[Document]:
    """How a run ended, and how it came to be. Raises Untranslatable.

    Of any other event, and of one of functions that ends none and names no run, nothing: those set off runs, and are in
    what those say.
    """
    name = needed(text(document, "name"), "name")
    data = part(document, "data")
    if not name.startswith(_FUNCTION):
        return
    what, run_id = name.removeprefix(_FUNCTION), text(data, "run_id")
    if what in _ENDINGS:
        run_id = needed(run_id, "data.run_id")
    if run_id is None:
        return
    time = _time(document, "ts")
    ending, id_ = _ending(what, data), f"{run_id}/{name}"
    if ending is None:
        yield event(own_type("inngest", what), id_, SOURCE, run_id, time, document)
        return
    yield event(f"execution.{ending}", id_, SOURCE, run_id, time, {**_end(ending, data), "original": document})
    began = part(data, "event")
    if whole(began, "ts") is not None:
        created = _beginning(data, began)
        yield event("execution.created", f"{run_id}/created", SOURCE, run_id, _time(began, "ts"), created)


def _ending(what: str, data: Document) -> str | None:
    """A run that is cancelled or fails is told of twice: as such, and as finished."""
    if what not in _ENDINGS:
        return None
    status = (text(data, "_inngest", "status") or "").lower()
    messages = (text(data, "error", "message"), text(data, "error", "error"))
    if what == "cancelled" or status == "cancelled" or "function cancelled" in messages:
        return "cancelled"
    return "failed" if what == "failed" or status == "failed" or data.get("error") else "completed"


def _beginning(data: Document, began: Document) -> Document:
    function, name = text(data, "function_id"), text(began, "name")
    return said(
        workflow=some(id=function, name=function),
        owner=some(id=first(text(began, "user", "external_id"), text(began, "user", "id"))),
        trigger=said(mode="scheduled" if name == _CRON else "triggered", event_id=text(began, "id"), event_name=name),
        input=began.get("data"),
        labels=some(correlation_id=text(data, "correlation_id")),
    )


def _end(ending: str, data: Document) -> Document:
    error = part(data, "error")
    why: Any = some(
        message=first(text(error, "message"), text(error, "error")),
        type=text(error, "name"),
        stack=text(error, "stack"),
    )
    return said(
        output=first(data.get("result"), data.get("output")),
        error=why if ending == "failed" else None,
        reason=text(error, "message") if ending == "cancelled" else None,
    )


def _time(said_at: Document, name: str) -> str:
    """A time of so many milliseconds since 1970."""
    milliseconds = whole(said_at, name)
    needed(None if milliseconds is None else name, name)
    return of_microseconds((milliseconds or 0) * 1000, name)
