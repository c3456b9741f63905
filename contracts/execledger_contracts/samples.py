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
from execledger_contracts.models import DATASCHEMA, canonical_type, model_of

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
        "reads_as": canonical_type(decoded.event.type),
        "event": normalised(decoded.event),
    }
    return {**_sent(sample), "expected": expected}


def normalised(event: Event) -> dict[str, Any]:
    """An event as JSON, each value in the form in which its model writes it."""
    model = model_of(event.type)
    return model.model_validate(msgspec.to_builtins(event)).model_dump(mode="json", exclude_none=True)


def lenient_document(sample: Sample) -> dict[str, Any]:
    """A lenient sample's file: the record, what it decodes to, and what is noted with it."""
    document = valid_document(sample)
    ignored = [note._asdict() for note in _decoded(sample).ignored]  # type: ignore[union-attr]  # valid_document saw to it
    if not ignored:
        raise TypeError(f"{sample.name}: nothing is noted")
    return {**document, "expected": {**document["expected"], "ignored": ignored}}


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

_DIALECTS: Final = (
    Sample(
        "kafkajs.binary",
        "As the CloudEvents SDK for JavaScript makes a Kafka message of an event, and KafkaJS sends it.",
        {"output": {"ok": True}, "duration_ms": 1250},
        {
            "content-type": "application/json; charset=utf-8",
            "ce_id": "b46cf653-d48a-4b90-8dfa-355c01061361",
            "ce_time": "2026-01-01T09:00:01.234Z",
            "ce_type": "com.acme.flow.finished",
            "ce_source": "https://acme.example/flows",
            "ce_specversion": "1.0",
            "ce_subject": "ORDER-SYNC-1767258000",
            "ce_datacontenttype": "application/json; charset=utf-8",
            "ce_sequence": "7",
            "ce_partitionkey": "ORDER-SYNC-1767258000",
        },
        _TIMESTAMP,
    ),
    Sample(
        "kafkajs.structured",
        "The same in structured mode.",
        _event(
            {"step": {"name": "charge card"}, "error": {"message": "declined"}},
            id="9c1a5d9e-1c6f-4a0b-8f5e-0f6d3d2b1a10",
            time="2026-01-01T09:00:01.234Z",
            type="com.acme.action.errored",
            source="https://acme.example/flows",
            datacontenttype="application/json; charset=utf-8",
            sequence="8",
        ),
        {"content-type": "application/cloudevents+json; charset=utf-8"},
        _TIMESTAMP,
    ),
    Sample(
        "java.binary",
        "As the CloudEvents SDK for Java and its Kafka serializer write an event: nanoseconds, numbers as text.",
        {"workflow": {"id": "order-sync"}, "labels": {"team": "orders"}},
        {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": "a1b2",
            "ce_source": "urn:acme:orders",
            "ce_type": "com.acme.orders.workflow.started",
            "ce_subject": "ORDER-SYNC-1767258000",
            "ce_time": "2026-01-01T09:00:00.123456789Z",
            "ce_attempt": "2",
            "ce_sequence": "0000000000000000001",
            "ce_tenantid": "acme",
        },
        _TIMESTAMP,
    ),
    Sample(
        "java.structured",
        "The same in structured mode, with its content type in another case.",
        _event(
            {"error": {"message": "java.lang.IllegalStateException", "stack": "at com.acme.Orders.sync"}},
            id="a1b3",
            source="urn:acme:orders",
            type="com.acme.orders.workflow.failed",
            time="2026-01-01T10:00:02.123456789+01:00",
            datacontenttype="application/json",
            attempt="2",
            sequence="0000000000000000009",
        ),
        {"Content-Type": "Application/CloudEvents+JSON"},
        _TIMESTAMP,
    ),
    Sample(
        "go.binary",
        "As the CloudEvents SDK for Go and Sarama write an event.",
        {"provider": "openai", "model": "gpt-5", "prompt_tokens": 12, "cost_usd": 0.0012},
        {
            "ce_specversion": "1.0",
            "ce_type": "llm.called",
            "ce_source": "acme/worker",
            "ce_id": "01JGFJJZ00Y5Z3T9B1Q2R3S4T5",
            "ce_time": "2026-01-01T09:00:00.5Z",
            "ce_subject": "ORDER-SYNC-1767258000",
            "ce_dataschema": "https://acme.example/schemas/llm/1",
            "content-type": "application/json",
        },
        _TIMESTAMP,
    ),
    Sample(
        "go.structured",
        "The same in structured mode, its data as base64.",
        _event(
            id="01JGFJJZ00Y5Z3T9B1Q2R3S4T6",
            source="acme/worker",
            type="run.terminated",
            time="2026-01-01T09:00:03Z",
            datacontenttype="application/json",
            data_base64=base64.b64encode(b'{"reason":"context canceled"}').decode(),
        ),
        {"content-type": "application/cloudevents+json"},
        _TIMESTAMP,
    ),
    Sample(
        "structured-with-headers",
        "A stray `ce_` header beside a complete structured event does not make it binary.",
        _event({"query": "hello"}),
        {"ce_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    ),
)

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
                "labels": {
                    "venture_id": "v-1",
                    "prd_id": "p-1",
                    "sd_id": "s-1",
                    "board_meeting_id": "b-1",
                    "message_id": "m-1",
                    "graph_id": "g-1",
                },
                "metadata": {"region": "eu", "nothing": None},
                "complexity_score": 0.25,
                "timeout_seconds": 3600,
                "budget": {"token_limit": 100000, "cost_limit_usd": "2.50", "scope": "tree"},
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
        "execution.started.reverse-dns",
        "A reverse-DNS prefix of two labels or more.",
        _event(type="com.acme.workflow.started"),
    ),
    Sample(
        "execution.created.queued",
        "Waiting in a queue.",
        _event({"labels": {"queue": "eu"}}, type="run.queued"),
    ),
    Sample(
        "execution.started.sequence",
        "CloudEvents writes a sequence as text, often with leading zeros.",
        _event(sequence="00000000000000000000042", attempt="2"),
    ),
    Sample(
        "execution.started.bom",
        "A byte order mark before the JSON is not part of it.",
        b"\xef\xbb\xbf" + json.dumps(_event({"query": "hello"})).encode(),
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
                "cache_write_tokens": 100,
                "reasoning_tokens": 50,
                "input_audio_tokens": 0,
                "output_audio_tokens": 0,
                "cost_usd": "0.00915",
                "duration_ms": 2100,
                "agent_id": "writer",
                "step_id": "draft",
                "cache_hit": False,
                "error": "stopped by the length limit",
                "input": [{"role": "user", "content": "Which orders?"}],
                "output": "Those of yesterday.",
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
    Sample(
        "other.base64",
        "Bytes of another type are kept as base64.",
        _event(type="agent.saw", datacontenttype="image/png", data_base64="iVBORw0KGgo="),
    ),
    Sample(
        "other.binary-text",
        "Binary mode: text of another type is kept as text.",
        "thinking about 42",
        {**_BINARY, "content-type": "text/plain; charset=utf-8", "ce_type": "agent.thinking"},
    ),
    Sample(
        "other.binary-image",
        "Binary mode: bytes of another type are kept as base64.",
        b"\x89PNG\r\n\x1a\n",
        {**_BINARY, "content-type": "image/png", "ce_type": "agent.saw"},
    ),
    *_DIALECTS,
    Sample("other.scalar-data", "The data of another type may be any JSON.", _event("hmm", type="agent.thinking")),
)

LENIENT: Final[tuple[Sample, ...]] = (
    Sample(
        "counts",
        "Fractions round half-even, digits in text are numbers, what is out of range is left out alone.",
        _event(
            {
                "duration_ms": 1234.567,
                "usage": {"prompt_tokens": -1, "completion_tokens": "350", "cost_usd": "free", "total_tokens": 2.5},
                "agents_used": True,
            },
            type="execution.completed",
        ),
    ),
    Sample(
        "percent",
        "A percent above 100 is left out.",
        _event({"progress_percent": 120, "completed_steps": 2}, type="execution.heartbeat"),
    ),
    Sample(
        "percent.fraction",
        "A third of the way.",
        _event({"progress_percent": 33.3}, type="execution.progressed"),
    ),
    Sample(
        "text-for-objects",
        "A workflow, owner, trigger or error that is but text.",
        _event({"workflow": "order-sync", "owner": 42, "trigger": "Scheduled"}),
    ),
    Sample(
        "text-for-error", "An error that is but its message.", _event({"error": "no such order"}, type="run.errored")
    ),
    Sample(
        "unknown-words",
        "A trigger of none of the three modes, a budget of no known scope.",
        _event({"trigger": {"mode": "webhook", "event_name": "push"}, "budget": {"token_limit": 10, "scope": "all"}}),
    ),
    Sample("trigger-word", "A trigger that is but an unknown word.", _event({"trigger": "webhook"})),
    Sample(
        "not-text",
        "Numbers and truth values are text as JSON writes them; an object is none.",
        _event({"workflow": {"id": "w", "version": 3}, "mode": True, "query": {"q": 1}}),
    ),
    Sample(
        "too-long",
        "Identifiers, tags and labels keep their first 190 characters and 32 of their SHA-256.",
        _event({"workflow": {"id": "w" * 300}, "tags": ["t" * 256], "labels": {"prd_id": "p" * 256, "k" * 256: "v"}}),
    ),
    Sample(
        "lists",
        "Of a list or an object the wrong part alone.",
        _event({"tags": ["nightly", None, {"a": 1}, 7], "labels": {"prd_id": {"id": 1}, "graph_id": "g-1"}}),
    ),
    Sample("score-and-timeout", "Out of their ranges.", _event({"complexity_score": 1.01, "timeout_seconds": 0})),
    Sample(
        "flag",
        "Yes is no truth value, true in text is.",
        _event({"cache_hit": "true", "success": "yes"}, type="tool.called"),
    ),
    Sample("data-not-an-object", "The data of a type of the table is an object.", _event([1])),
    Sample(
        "sequence",
        "An order that is no number orders nothing.",
        _event(sequence="01JDZ3A4Q0000000000000000", id="evt-2"),
    ),
    Sample("sequence-too-long", "Twenty digits that are not zero.", _event(sequence="1" * 20)),
    Sample("attributes", "Attributes that only describe.", _event(partitionkey=7, traceparent={"id": 1})),
    Sample(
        "not-finite",
        "NaN and the infinities, as Python writes them, are null.",
        _text('{"output": {"scores": [0.5, NaN], "best": -Infinity}, "duration_ms": NaN}', type="execution.completed"),
    ),
    Sample(
        "beyond-float64",
        "A number beyond a float64 is left out, one too near to 0 or too long is rounded.",
        _text('{"input": {"big": 1e400, "whole": ' + "9" * 310 + ', "small": 1e-20000, "long": 0.' + "3" * 999 + "}}"),
    ),
    Sample("too-deep", "Nesting beyond 100 gives way to a marker.", _text('{"input": ' + "[" * 110 + "]" * 110 + "}")),
    Sample(
        "characters",
        "NUL and lone surrogates in text become U+FFFD.",
        _text(r'{"query": "a\u0000b\ud800c \ud83d\ude00", "input": {"k\u0000": "\udfff"}}'),
    ),
    Sample("cut", "Text beyond the limit keeps its beginning, size and SHA-256.", _event({"query": "x" * 65_537})),
    Sample("base64-unreadable", "Data that is no base64.", _event(data_base64="{}")),
    Sample(
        "binary-not-json",
        "Binary mode, and the value is no JSON.",
        '{"query": ',
        headers={**_BINARY, "ce_type": "execution.started"},
    ),
)
"""Events whose values do not all fit: recorded, and what became of those values is noted."""

INVALID: Final[tuple[Sample, ...]] = (
    _bad("tombstone", "A record without a value.", None, reason=Reason.TOMBSTONE),
    _bad("not-utf8", "Bytes that are no UTF-8.", b'{"specversion": "1.0", "id": "\xff"}', reason=Reason.NOT_UTF8),
    _bad("not-json", "Text that is no JSON.", "{", reason=Reason.NOT_JSON),
    _bad("empty", "An empty value, and no headers.", "", reason=Reason.NOT_JSON),
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
    _bad("id-too-long", "An id of 1,025 characters.", _event(id="x" * 1025)),
    _bad("id-not-text", "An id that is a number.", _event(id=42)),
    _bad("source-with-space", "A source that is no URI-reference.", _event(source="our orchestrator")),
    _bad("source-too-long", "A source of 1,025 characters.", _event(source="x" * 1025)),
    _bad("subject-empty", "An external id has 1 to 255 characters.", _event(subject="")),
    _bad("subject-too-long", "An external id has 1 to 255 characters.", _event(subject="x" * 256)),
    _bad("subject-with-nul", "NUL in an identifier.", _text("{}", subject="a\0b")),
    _bad("subject-with-surrogate", "A lone surrogate in an identifier.", _text("{}", subject="a\ud800b")),
    _bad("type-too-long", "A type of 256 characters.", _event(type="x" * 256)),
    _bad("tenantid-empty", "A tenant without a name.", _event(tenantid="")),
    _bad("tenantid-too-long", "A tenant of 256 characters.", _event(tenantid="x" * 256)),
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
    _bad("attempt-zero", "Attempts count from 1.", _event(attempt=0)),
    _bad("attempt-fraction", "No whole number.", _event(attempt=1.5)),
    _bad("attempt-not-finite", "NaN is no attempt.", json.dumps(_event(attempt=float("nan")))),
    _bad("step-missing", "An event of a step says which.", _event({}, type="step.started")),
    _bad("step-no-data", "An event of a step says which.", _event(type="step.completed")),
    _bad("step-nameless", "One of id and name is required.", _event({"step": {"iteration": 1}}, type="step.started")),
)
