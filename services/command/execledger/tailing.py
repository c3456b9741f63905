"""Following executions from the database: what is said of them, and how a terminal shows it."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from execledger.errors import UserError
from execledger.finding import found_in, opened
from execledger.terminal import escaped
from execledger_client.events import Blocks
from execledger_query.caller import EVERYTHING, Caller, Role
from execledger_query.feed import Place
from execledger_query.live.channels import Channel, ExecutionChannel, ListChannel
from execledger_query.live.hub import Hub, StreamLimits
from execledger_query.live.stream import Stream
from execledger_query.narrowing import StreamOfExecutions
from execledger_query.store import Reader
from execledger_query.views import shown_fields

_PAGE_BYTES: Final = 4_194_304
_LIMITS: Final = StreamLimits(of_subject=1, of_all=1, waiting_bytes=64 * 1_048_576)
_COLUMNS: Final = 80


class Wanted(NamedTuple):
    """What is followed: one execution, where it has a name, else those that are asked for."""

    name: str | None
    tenant: str | None
    asked: StreamOfExecutions


async def follow(dsn: str, wanted: Wanted) -> AsyncIterator[tuple[str, str]]:
    """What is said, and of what kind, until the end of the one execution. Raises UserError.

    A database that is away once this has begun is waited for.
    """
    blocks = Blocks()
    async with opened(dsn, "tail") as store, Hub.open(store, _LIMITS) as hub:
        async with store.reading(EVERYTHING) as reader:
            channel, place = await _channel(reader, wanted)
        async with store.reading(channel.caller) as reader:
            reading = await channel.read(reader, place)
        async for piece in hub.follow(Stream(channel, place), reading):
            for said in blocks.completed(piece):
                if said.get("event") == "dropped":
                    raise UserError(json.loads(said["data"])["reason"])
                if "event" in said:
                    yield said["event"], said["data"]


async def _channel(reader: Reader, wanted: Wanted) -> tuple[Channel, Place]:
    if wanted.name is not None:
        row = await found_in(reader, wanted.name, wanted.tenant)
        return ExecutionChannel(EVERYTHING, row["id"], _PAGE_BYTES), Place()
    caller = EVERYTHING if wanted.tenant is None else Caller("", wanted.tenant, frozenset({Role.READER}))
    fields = frozenset(shown_fields(wanted.asked.fields, with_payloads=False))
    channel = ListChannel(caller, wanted.asked.filters, fields)
    return channel, await channel.begin(reader, wanted.asked.limit)


def line(kind: str, data: str) -> str:
    """What is said, for people: at most 80 columns."""
    said = json.loads(data)
    match kind:
        case "event":
            words = [_clock(said["occurred_at"]), f"{said['type']:<24}", _about(said["data"])]
        case "reset":
            words = [said["reason"]]
        case "end":
            words = ["it has ended:", said["status"]]
        case _:
            words = [_clock(said["ended_at"] or said["started_at"] or said["created_at"]), _state(said)]
    text = escaped(" ".join(filter(None, words)))
    return text if len(text) <= _COLUMNS else f"{text[: _COLUMNS - 1]}…"


def _state(said: dict[str, Any]) -> str:
    workflow = said["workflow"] or {}
    progress = "" if said["progress_percent"] is None else f"{said['progress_percent']} %"
    name = workflow.get("name") or workflow.get("id") or ""
    return f"{said['status']:<9} {progress:>5}  {name[:20]:<20} {said['external_id']}"


def _about(data: Any) -> str:
    """The words of an event that say the most."""
    if not isinstance(data, dict):
        return ""
    step = data.get("step")
    error = data.get("error")
    found = [
        step.get("name") or step.get("id") if isinstance(step, dict) else None,
        error.get("message") if isinstance(error, dict) else error,
        *(data.get(name) for name in ("message", "reason", "model", "tool_name")),
    ]
    return " ".join(str(word) for word in found if word is not None)


def _clock(at: str) -> str:
    """In the time of this machine."""
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
