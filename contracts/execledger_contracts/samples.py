"""The golden samples: what a producer may send and how it reads, and one breach of each rule.

A sample's file holds the record as `json` (any spelling of that JSON), `text` or `base64` (exactly those bytes) with
its headers and Kafka timestamp, and what is expected of a reader.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode
from execledger_contracts.events import Event
from execledger_contracts.models import CANONICAL_TYPES, DATASCHEMA, MODELS, OtherEvent

_DROP: Final = object()
_EVENT: Final = {
    "specversion": "1.0",
    "id": "019b2f6e-7c00-7a31-9d52-6f0c8c1e4b7a",
    "source": "/orchestrators/venture-studio",
    "type": "execution.started",
    "subject": "ORDER-SYNC-1767258000",
    "time": "2026-01-01T09:00:00.123456Z",
}
_BINARY: Final = {
    "content-type": "application/json",
    "ce_specversion": "1.0",
    "ce_id": "42",
    "ce_source": "/orchestrators/venture-studio",
    "ce_subject": "ORDER-SYNC-1767258000",
    "ce_time": "2026-01-01T10:00:00+01:00",
}
_TIMESTAMP: Final = 1767258000000  # 2026-01-01T09:00:00Z


@dataclass(frozen=True, slots=True)
class Sample:
    """One record: an object is sent as its JSON, text as its UTF-8; None is a record without a value."""

    name: str
    about: str
    value: dict[str, Any] | str | bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    timestamp_ms: int = -1
    reason: Reason | None = None

    def record(self) -> tuple[bytes | None, list[tuple[str, bytes | None]]]:
        """Value and headers as Kafka carries them."""
        headers: list[tuple[str, bytes | None]] = [(name, value.encode()) for name, value in self.headers.items()]
        match self.value:
            case dict():
                return json.dumps(self.value, ensure_ascii=False, separators=(",", ":")).encode(), headers
            case str():
                return self.value.encode(), headers
            case _:
                return self.value, headers


def valid_document(sample: Sample) -> dict[str, Any]:
    """A valid sample's file: the record, and what it decodes to."""
    decoded = _decoded(sample)
    if not isinstance(decoded, Decoded):
        raise TypeError(f"{sample.name}: {decoded}")
    expected = {
        "event_id": decoded.event_id,
        "reads_as": CANONICAL_TYPES.get(decoded.event.type),
        "event": normalised(decoded.event),
    }
    return {**_sent(sample), "expected": expected}


def normalised(event: Event) -> dict[str, Any]:
    """An event as JSON, each value in the form in which its model writes it."""
    model = MODELS.get(event.type, OtherEvent)
    return model.model_validate(msgspec.to_builtins(event)).model_dump(mode="json", exclude_none=True)


def invalid_document(sample: Sample) -> dict[str, Any]:
    """An invalid sample's file: the record, and why it is a dead letter."""
    undecodable = _decoded(sample)
    if not isinstance(undecodable, Undecodable) or undecodable.reason is not sample.reason:
        raise TypeError(f"{sample.name}: {undecodable}")
    return {**_sent(sample), "expected": {"reason": undecodable.reason.value, "detail": undecodable.detail}}


def _decoded(sample: Sample) -> Decoded | Undecodable:
    return decode(*sample.record(), timestamp_ms=sample.timestamp_ms)


def _sent(sample: Sample) -> dict[str, Any]:
    document: dict[str, Any] = {"about": sample.about}
    if sample.headers:
        document["headers"] = dict(sample.headers)
    if sample.timestamp_ms >= 0:
        document["timestamp_ms"] = sample.timestamp_ms
    match sample.value:
        case dict():
            return {**document, "json": sample.value}
        case bytes():
            return {**document, "base64": base64.b64encode(sample.value).decode()}
        case _:
            return {**document, "text": sample.value}


def _event(data: Any = _DROP, **attributes: Any) -> dict[str, Any]:
    event = {**_EVENT, **attributes, "data": data}
    return {name: value for name, value in event.items() if value is not _DROP}


def _text(data: str, **attributes: Any) -> str:
    """An event whose data no JSON writer would write."""
    return json.dumps(_event(**attributes))[:-1] + f', "data": {data}}}'


def _bad(name: str, about: str, value: dict[str, Any] | str | bytes | None, **more: Any) -> Sample:
    return Sample(name, about, value, **{"reason": Reason.INVALID, **more})


_STEP: Final = {"id": "draft", "name": "Draft the answer", "operation": "generate", "agent_id": "writer"}
_LOOP: Final = {**_STEP, "iteration": 2, "total_items": 5, "parent_id": "chapters"}
_USAGE: Final = {"prompt_tokens": 1200, "completion_tokens": 350, "total_tokens": 1550, "cost_usd": "0.0123450005"}
_ERROR: Final = {"message": "no such order", "type": "LookupError", "stack": "Traceback …\n  line 3"}
_ENDING: Final = {
    "output": {"answer": 42},
    "result": "forty-two",
    "duration_ms": 60500,
    "usage": _USAGE,
    "agents_used": 2,
    "tools_invoked": 3,
    "cache_hits": 1,
    "metadata": {"region": "eu", "note": None},
}

VALID: Final[tuple[Sample, ...]] = (
    Sample(
        "execution.created",
        "Everything that may be known before it begins.",
        _event(
            {
                "workflow": {"id": "order-sync", "name": "Order sync", "version": "3"},
                "owner": {"id": "u-1", "email": "ada@example.org", "name": "Ada"},
                "session_id": "s-1",
                "parent_execution_id": "NIGHTLY-1767257000",
                "root_execution_id": "NIGHTLY-1767257000",
                "trigger": {"mode": "scheduled", "event_id": "e-1", "event_name": "nightly"},
                "mode": "STANDARD",
                "query": "Synchronise the orders of yesterday",
                "input": {"day": "2025-12-31"},
                "total_steps": 4,
                "tags": ["nightly", "orders"],
                "labels": {"venture": "v-1", "prd": "p-1", "board_meeting": "b-1", "message": "m-1", "graph": "g-1"},
                "metadata": {"region": "eu", "nothing": None},
                "complexity_score": 0.25,
                "timeout_seconds": 3600,
                "budget": {"token_limit": 100000, "cost_limit_usd": "2.50"},
            },
            type="execution.created",
            tenantid="acme",
            sequence=0,
            partitionkey="NIGHTLY-1767257000",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            dataschema=DATASCHEMA,
        ),
    ),
    Sample("execution.started", "The least that an event needs.", _event()),
    Sample(
        "execution.started.alias",
        "An alias is kept as sent and read as the canonical type.",
        _event(type="flow.started"),
    ),
    Sample(
        "execution.started.trigger",
        "A trigger's mode in another case.",
        _event({"trigger": {"mode": "MANUAL"}}, type="run.started"),
    ),
    Sample(
        "execution.started.labels",
        "Label values are text; scalars become what JSON writes, a null label is ignored, an empty text is a value.",
        _event({"labels": {"build": 7, "rate": 0.5, "dry_run": True, "gone": None, "empty": ""}, "tags": []}),
    ),
    Sample(
        "execution.started.null-attributes",
        "An attribute that is null is left out.",
        _event(None, tenantid=None, attempt=None, sequence=None),
    ),
    Sample(
        "execution.started.other-id",
        "An id that is no UUID: the event id is made from source and id.",
        _event(id="evt-1"),
    ),
    Sample(
        "execution.started.minor-version",
        "A later minor version of our own dataschema.",
        _event({"invented_later": {"kept": True}}, dataschema=f"{DATASCHEMA}.1"),
    ),
    Sample(
        "execution.started.foreign-dataschema",
        "A dataschema of somebody else is kept and changes nothing.",
        _event({"query": "hello"}, dataschema="https://example.org/schemas/start/7"),
    ),
    Sample(
        "execution.started.cleaned-text",
        "NUL and lone surrogates in text that is no identifier become U+FFFD.",
        _text(r'{"query": "a\u0000b\ud800c \ud83d\ude00", "input": {"k\u0000": "\udfff"}}'),
    ),
    Sample(
        "execution.started.base64",
        "Structured mode may carry its data as base64.",
        _event(data_base64=base64.b64encode(b'{"query": "hello"}').decode()),
    ),
    Sample(
        "execution.started.binary",
        "Binary mode: attributes as headers, data as value; digits are read as the number.",
        {"workflow": {"id": "order-sync"}},
        {**_BINARY, "ce_type": "execution.started", "ce_tenantid": "acme", "ce_sequence": "12", "ce_attempt": "2"},
    ),
    Sample("execution.started.binary-empty", "Binary mode without data.", "", {**_BINARY, "ce_type": "task.started"}),
    Sample(
        "execution.progressed",
        "Progress, which is also the heartbeat.",
        _event(
            {"progress_percent": 50, "completed_steps": 2, "total_steps": 4, "message": "half way"},
            type="execution.progressed",
            sequence="3",
        ),
    ),
    Sample(
        "execution.completed",
        "An ending; money rounds half-even to 9 decimals.",
        _event(_ENDING, type="execution.completed"),
    ),
    Sample(
        "execution.completed.money-as-number",
        "Money as a JSON number passes through a float. 5.0 is a whole number.",
        _event({"usage": {"cost_usd": 0.1, "total_tokens": 5.0}}, type="workflow.succeeded"),
    ),
    Sample(
        "execution.failed", "An ending with its error.", _event({**_ENDING, "error": _ERROR}, type="execution.failed")
    ),
    Sample(
        "execution.timed_out",
        "It took too long, as another spelling says it.",
        _event({"error": {"message": "deadline"}, "duration_ms": 3600000}, type="execution.timeout"),
    ),
    Sample(
        "execution.cancelled",
        "It was stopped, as another spelling says it.",
        _event({"reason": "budget", "cancelled_by": "u-2", "killed_by_budget": True}, type="task.canceled"),
    ),
    Sample(
        "execution.paused",
        "It waits, and says for what.",
        _event({"reason": "above the limit", "waiting_for": "approval of u-2"}, type="execution.paused"),
    ),
    Sample("execution.resumed", "It goes on.", _event({"reason": "approved"}, type="workflow.resumed")),
    Sample(
        "execution.cancel_requested",
        "Somebody asked for it to be stopped.",
        _event({"requested_by": "u-2", "reason": "wrong day"}, type="execution.cancel_requested"),
    ),
    Sample(
        "step.started",
        "A step inside another, the second of five iterations.",
        _event({"step": _LOOP, "input": {"chapter": 2}, "metadata": {}}, type="step.started", attempt=2),
    ),
    Sample(
        "step.started.named",
        "A step without an id goes by its name.",
        _event({"step": {"name": "Draft"}}, type="phase.started"),
    ),
    Sample(
        "step.completed",
        "A step's good end.",
        _event({"step": _LOOP, "output": ["done"], "duration_ms": 1500}, type="action.succeeded"),
    ),
    Sample(
        "step.failed",
        "A step's bad end.",
        _event({"step": {**_STEP, "try_number": 2}, "error": _ERROR}, type="step.failed"),
    ),
    Sample(
        "step.timed_out",
        "It ended, and nobody knows when.",
        _event({"step": _STEP, "unexpected": True}, type="node.timed_out"),
    ),
    Sample("step.cancelled", "A step was stopped.", _event({"step": _STEP}, type="step.aborted")),
    Sample("step.skipped", "A step was passed over.", _event({"step": _STEP}, type="step.skipped")),
    Sample(
        "llm.called",
        "A fact: a model was called.",
        _event(
            {
                "provider": "anthropic",
                "model": "claude-sonnet-4-5",
                "prompt_tokens": 1200,
                "completion_tokens": 350,
                "cached_tokens": 1000,
                "reasoning_tokens": 50,
                "cost_usd": "0.00915",
                "duration_ms": 2100,
                "agent_id": "writer",
                "step_id": "draft",
                "cache_hit": False,
            },
            type="llm.called",
        ),
    ),
    Sample(
        "tool.called",
        "A fact: a tool was called.",
        _event(
            {
                "tool_name": "search_orders",
                "success": False,
                "duration_ms": 80,
                "error": "no such table",
                "agent_id": "writer",
                "step_id": "draft",
                "cache_hit": True,
                "input": {"day": "2025-12-31"},
                "output": None,
            },
            type="tool.called",
        ),
    ),
    Sample("other", "Any other type is kept in the log.", _event({"thought": "hmm"}, type="agent.thinking")),
    Sample("other.scalar-data", "The data of another type may be any JSON.", _event("hmm", type="agent.thinking")),
)

INVALID: Final[tuple[Sample, ...]] = (
    _bad("tombstone", "A record without a value.", None, reason=Reason.TOMBSTONE),
    _bad("not-utf8", "Bytes that are no UTF-8.", b'{"specversion": "1.0", "id": "\xff"}', reason=Reason.NOT_UTF8),
    _bad("not-json", "Text that is no JSON.", "{", reason=Reason.NOT_JSON),
    _bad("empty", "An empty value, and no headers.", "", reason=Reason.NOT_JSON),
    _bad("nan", "NaN is no JSON.", _text('{"complexity_score": NaN}'), reason=Reason.NOT_JSON),
    _bad("infinity", "Infinity is no JSON.", _text('{"input": -Infinity}'), reason=Reason.NOT_JSON),
    _bad("not-an-object", "JSON that is no object.", "[1]", reason=Reason.NOT_CLOUDEVENT),
    _bad("no-specversion", "CloudEvents needs it.", _event(specversion=_DROP), reason=Reason.NOT_CLOUDEVENT),
    _bad("specversion", "Another CloudEvents version.", _event(specversion="2.0"), reason=Reason.UNSUPPORTED_VERSION),
    _bad(
        "dataschema-major",
        "Another major version of our own dataschema.",
        _event(dataschema="urn:execledger:events:2"),
        reason=Reason.UNSUPPORTED_VERSION,
    ),
    *(
        _bad(f"no-{name}", f"Without {name}.", _event(**{name: _DROP}))
        for name in ("id", "source", "type", "subject", "time")
    ),
    _bad(
        "binary-no-subject",
        "Binary mode, and a header is missing.",
        "{}",
        headers={
            **{name: value for name, value in _BINARY.items() if name != "ce_subject"},
            "ce_type": "execution.started",
        },
    ),
    _bad(
        "binary-not-json",
        "Binary mode, and the value is no JSON.",
        '{"query": ',
        reason=Reason.NOT_JSON,
        headers={**_BINARY, "ce_type": "execution.started"},
    ),
    _bad("id-too-long", "An id of 256 characters.", _event(id="x" * 256)),
    _bad("id-not-text", "An id that is a number.", _event(id=42)),
    _bad("source-with-space", "A source that is no URI-reference.", _event(source="our orchestrator")),
    _bad("subject-empty", "An external id has 1 to 255 characters.", _event(subject="")),
    _bad("subject-too-long", "An external id has 1 to 255 characters.", _event(subject="x" * 256)),
    _bad("subject-with-nul", "NUL in an identifier.", _text("{}", subject="a\0b")),
    _bad("subject-with-surrogate", "A lone surrogate in an identifier.", _text("{}", subject="a\ud800b")),
    _bad("type-too-long", "A type of 101 characters.", _event(type="x" * 101)),
    _bad("tenantid-empty", "A tenant without a name.", _event(tenantid="")),
    _bad("time-without-offset", "When, but not where.", _event(time="2026-01-01T09:00:00")),
    _bad("time-as-number", "Unix time.", _event(time=1767258000)),
    _bad("time-impossible", "There is no 30 February.", _event(time="2026-02-30T09:00:00Z")),
    _bad("time-before-2000", "Before anything ran.", _event(time="1999-12-31T23:59:59Z")),
    _bad(
        "time-ahead",
        "More than 24 h after the record's Kafka timestamp.",
        _event(time="2026-01-02T09:00:00.001Z"),
        timestamp_ms=_TIMESTAMP,
    ),
    _bad("sequence-negative", "An order below 0.", _event(sequence=-1)),
    _bad("sequence-not-digits", "Text that is no number.", _event(sequence="twelve")),
    _bad("attempt-zero", "Attempts count from 1.", _event(attempt=0)),
    _bad("attempt-fraction", "No whole number.", _event(attempt=1.5)),
    _bad("data-not-an-object", "The data of a type of the table is an object.", _event([1])),
    _bad("base64", "Data that is no base64.", _event(data_base64="{}")),
    _bad("nesting", "Data nested 101 deep.", _text('{"input": ' + "[" * 100 + "]" * 100 + "}")),
    _bad("number-beyond-float64", "1e400.", _text('{"input": {"big": 1e400}}')),
    _bad("number-near-zero", "1e-20000: no float64 tells it from 0.", _text('{"input": {"small": 1e-20000}}')),
    _bad(
        "number-too-long", "A number of more than 1,000 characters.", _text('{"input": {"long": 0.' + "3" * 999 + "}}")
    ),
    _bad("integer-beyond-float64", "An integer of 310 digits.", _text('{"input": {"big": ' + "9" * 310 + "}}")),
    _bad("label-object", "A label value is text or a scalar.", _event({"labels": {"prd": {"id": 1}}})),
    _bad("label-too-long", "A label value has at most 255 characters.", _event({"labels": {"prd": "x" * 256}})),
    _bad("label-key-too-long", "A label key has at most 255 characters.", _event({"labels": {"x" * 256: "prd"}})),
    _bad("label-with-nul", "NUL in a label.", _event({"labels": {"prd": "a\0b"}})),
    _bad("tag-too-long", "A tag has at most 255 characters.", _event({"tags": ["ok", "x" * 256]})),
    _bad("name-too-long", "A name has at most 255 characters.", _event({"workflow": {"name": "x" * 256}})),
    _bad("trigger-mode", "One of three words.", _event({"trigger": {"mode": "sometimes"}})),
    _bad("query-not-text", "Text is text.", _event({"query": {"q": 1}})),
    _bad("score-too-high", "0 to 1.", _event({"complexity_score": 1.01})),
    _bad("count-fraction", "Counts are integers.", _event({"total_steps": 2.5})),
    _bad("count-as-text", "Digits in text count for attempt and sequence only.", _event({"total_steps": "2"})),
    _bad("count-negative", "Counts are 0 or more.", _event({"agents_used": -1}, type="execution.completed")),
    _bad("percent", "0 to 100.", _event({"progress_percent": 101}, type="execution.progressed")),
    _bad("flag", "true or false.", _event({"killed_by_budget": "yes"}, type="execution.cancelled")),
    _bad("money", "Money is a decimal number.", _event({"usage": {"cost_usd": "free"}}, type="execution.completed")),
    _bad("money-negative", "Money is 0 or more.", _event({"cost_usd": -0.5}, type="llm.called")),
    _bad("money-nan", "NaN as text is no money.", _event({"cost_usd": "NaN"}, type="llm.called")),
    _bad("step-missing", "An event of a step says which.", _event({}, type="step.started")),
    _bad("step-no-data", "An event of a step says which.", _event(type="step.completed")),
    _bad("step-nameless", "One of id and name is required.", _event({"step": {"iteration": 1}}, type="step.started")),
    _bad("step-iteration", "0 or more.", _event({"step": {"id": "a", "iteration": -1}}, type="step.failed")),
)
