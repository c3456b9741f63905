"""What the OpenAPI document says of each property: in words, and by an example. Pure.

A word means the same wherever it stands, so it is explained once, here; where a model says it of its own, that stands.
"""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

_STEP: Final = "019ca945-0a7b-76fd-b630-f0e38be4e5a6"
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")  # the framework's, of an answer that there is not
_MOST_DEPTH: Final = 6

_MEANINGS: Final[Mapping[str, str | tuple[str, Any]]] = {
    "a": "of the first of the two", "b": "of the second of the two",
    "agent_id": ("the agent that did it", "writer"),
    "agents_used": ("how many agents worked on it", 2),
    "applied": ("records that were recorded as they came", 120),
    "attempt": ("which retry of the whole execution, from 1", 1),
    "attempts": "its attempts, from the first",
    "budget": "what it may consume",
    "cache_hit": ("whether it was answered from a cache", False),
    "cache_hits": ("how many calls were answered from a cache", 0),
    "cancel_reason": ("why it was cancelled", "wrong input"),
    "cancel_requested_at": "when somebody first asked to cancel it",
    "cancelled_by": ("who cancelled it", "ann"),
    "completed_steps": ("steps that are completed or skipped", 3),
    "completion_tokens": ("tokens that models wrote", 340),
    "complexity_score": ("how complex it was said to be, 0 to 1", 0.4),
    "cost_limit_usd": ("dollars that it may cost", "12.5"),
    "cost_source": ("how the cost is known: reported, from calls, or computed from prices", "facts"),
    "cost_usd": ("dollars", "0.0125"),
    "created_at": "when it was created",
    "dead_lettered": ("records that could not be decoded or stored", 0),
    "decides": ("fields of the record that this event decided", ["status"]),
    "detail": ("what is wrong, in words", "there is no such execution"),
    "differences": "offsets at which an audit found something else",
    "duplicate": ("records whose event was there already", 2),
    "duration_ms": ("how long it took, in milliseconds", 8250),
    "email": ("of the owner", "ann@example.com"),
    "ended_at": "when it ended",
    "error": "why it failed",
    "event_id": ("the identity of an event, made of its source and id; of a trigger as its producer wrote it", _STEP),
    "events": ("how many events", 40),
    "event_name": ("what the event is called that set it off", "order.created"),
    "execution": "the execution",
    "executions": ("how many executions", 3),
    "expected": ("what the ledger has there", "applied"),
    "external_id": ("the orchestrator's own id", "nightly-2026-01-02"),
    "failed": ("how many failed or timed out", 0),
    "field": ("which field", "usage.cost_usd"),
    "fields": "of each field, the event that decided it",
    "first_offset": ("where the account of the partition begins", 0),
    "found": ("what the tables have there", "applied"),
    "from": "when it begins",
    "headers": "as they came, base64",
    "id": ("its identity", _STEP),
    "ignored": "fields that were left out or read otherwise than they were sent",
    "items": "of this page",
    "iteration": ("which turn of a loop; null outside of one", 2),
    "killed_by_budget": ("whether it was cancelled for its budget", False),
    "labels": ("names and values that it was given", {"venture_id": "v-7"}),
    "late": ("records whose event came behind later ones", 1),
    "message": ("what went wrong", "no such order"),
    "metadata": ("whatever else was said of it", {"region": "eu"}),
    "missed": ("offsets that Kafka deleted before they were read", 0),
    "mode": ("how it runs; of a trigger manual, scheduled or triggered", "scheduled"),
    "model": ("the model that was called", "gpt-5"),
    "ms": ("milliseconds", 1200),
    "name": ("what it is called", "draft"),
    "next_offset": ("up to where the partition is recorded", 123),
    "not_applied": ("why an event changed nothing; null where it did", "older attempt"),
    "occurred_at": "when it happened",
    "offset": ("of the record in its partition", 41),
    "op": ("what the patch does", "replace"),
    "open": ("how many have not ended", 1),
    "operation": ("what kind of step it is", "generate"),
    "outcome": ("what became of it when it arrived", "applied"),
    "owner": "who ran it",
    "parent_execution_id": ("external id of the execution that started it", "nightly"),
    "parent_id": ("the step that it is part of", "write"),
    "partition": ("of the topic", 0),
    "partitions": "the account of each partition",
    "progress_percent": ("how far it is", 60),
    "prompt_tokens": ("tokens that models read", 1200),
    "provider": ("who runs the model", "openai"),
    "provisional": ("whether the ending is a guess, until it is heard again", False),
    "query": ("what was asked of it", "summarise the orders of yesterday"),
    "reason": ("why", "invalid"),
    "received_at": "when Kafka took it",
    "recorded_at": "when it was recorded",
    "rejected": ("endings that came after another one had decided", 0),
    "root_execution_id": ("external id of the root of its tree; its own where it has no other", "nightly"),
    "rule": ("the rule by which it was left out or changed", "wrong_type"),
    "schema_version": ("number of the newest migration", 21),
    "scope": ("whether a budget counts the tree or the execution alone", "tree"),
    "sequence": ("the producer's own order", 7),
    "session_id": ("the conversation that it belongs to", "s-1"),
    "source": ("who sent it, a URI", "urn:acme:orchestrator"),
    "started_at": "when it started",
    "status": ("how it stands; of a problem the HTTP status", "running"),
    "step_id": ("the orchestrator's id of the step", "draft"),
    "success": ("whether the tool succeeded", True),
    "tags": ("words that it was given", ["nightly"]),
    "tenant_id": ("whose it is", "acme"),
    "timeout_seconds": ("how long it may run", 3600.0),
    "title": ("what kind of problem it is", "Not found"),
    "to": "when it ends",
    "token_limit": ("tokens that it may consume", 100000),
    "tool_name": ("the tool that was called", "search"),
    "tools_invoked": ("how many tools were called", 4),
    "topic": ("of Kafka", "executions.events"),
    "total_items": ("how many turns the loop has", 3),
    "total_steps": ("how many steps there are", 5),
    "total_tokens": ("tokens read and written", 1540),
    "traceparent": ("W3C trace context", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    "trigger": "what set it off",
    "try_number": ("which go at the step, from 1", 1),
    "type": ("what kind it is", "LookupError"),
    "bucket": ("how long each span of time is", "day"),
    "bucket_start": "when the span begins",
    "by_status": "how many executions of each status",
    "calls": ("how many calls", 12),
    "calls_of_tools": ("how many calls of tools", 4),
    "cancelled": ("how many were cancelled", 0),
    "completed": ("how many are completed", 7),
    "cost_usd_gte": "which cost as many dollars or more",
    "duration_ms_gte": "which took as many milliseconds or longer",
    "duration_ms_lte": "which took as many milliseconds or less",
    "error_type": ("the kind of error", "LookupError"),
    "has_children": "whether others name it as their parent",
    "label": "name and value of a label",
    "last_started_at": "when the newest one started",
    "llm_calls": ("how many calls of models", 3),
    "owner_id": ("who ran it", "ann"),
    "p50": ("half of them are below it, in milliseconds", 8250.0),
    "p95": ("95 of 100 are below it, in milliseconds", 21000.0),
    "p99": ("99 of 100 are below it, in milliseconds", 40000.0),
    "paused": "whether it waits for something",
    "pending": ("how many have not begun", 1),
    "q": "words in query, error and names",
    "running": ("how many run", 2),
    "skipped": ("how many were skipped", 0),
    "sort": "by what they are sorted",
    "step": ("the name of the step", "draft"),
    "steps": ("how many steps", 5),
    "succeeded": ("how many succeeded", 11),
    "success_rate": ("share of those that ended which are completed, 0 to 1", 0.98),
    "tag": ("a word that it was given", "nightly"),
    "timed_out": ("how many timed out", 0),
    "time_zone": ("in which days begin", "Europe/Berlin"),
    "total": ("how many there are in all", 120),
    "total_is_exact": ("whether that was counted, not estimated", True),
    "versions": ("versions of the workflow", ["3"]),
    "workflow_id": ("the workflow", "nightly"),
    "workflow_version": ("version of the workflow", "3"),
    "unaccounted": ("offsets that the ledger cannot account for: 0", 0),
    "usage": "what it consumed",
    "value_base64": ("the record's value, base64", "eyJzcGVjdmVyc2lvbiI6"),
    "version": ("of the workflow", "3"),
    "waiting_for": ("what a pause waits for", "approval"),
    "workflow": "what ran",
}  # fmt: skip


def complete(document: Schema) -> None:
    """Give properties the description and the example that they lack, parameters the first; drop what no answer has."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    _leave_out_spellings(document)
    _explain_parameters(document)
    for schema in schemas.values():
        for name, said in schema.get("properties", {}).items():
            if (meaning := _meaning(name)) is not None:
                said.setdefault("description", meaning)
    for schema in schemas.values():
        for name, said in schema.get("properties", {}).items():
            known = said.get("examples") or [_example(name, said, schemas)]
            said["examples"] = [_with_nulls(example, said, schemas) for example in known]


def _leave_out_spellings(document: Schema) -> None:
    """`status[]` is `status` in another spelling: a generated client has one name for both, and would have neither."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if said := operation.get("parameters"):
                operation["parameters"] = [each for each in said if not each["name"].endswith("[]")]


def _explain_parameters(document: Schema) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                said = parameter.get("description") or parameter.get("schema", {}).get("description")
                if not said and (meaning := _meaning(parameter["name"])) is not None:
                    parameter["description"] = meaning


def lacking(document: Schema) -> list[str]:
    """Properties and parameters of which nothing is said."""
    properties = [
        f"{name}.{member}"
        for name, schema in document["components"]["schemas"].items()
        for member, said in schema.get("properties", {}).items()
        if not said.get("description") or not said.get("examples")
    ]
    return properties + [
        f"{method.upper()} {path}: {parameter['name']}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", ())
        if not (parameter.get("description") or parameter.get("schema", {}).get("description"))
    ]


def _with_nulls(example: Any, schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """The same, with the members that are null: the framework drops them, though they are required."""
    shapes = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    shapes = [schemas[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in shapes]
    if isinstance(example, list):
        items: Schema = next((each["items"] for each in shapes if "items" in each), {})
        return [_with_nulls(each, items, schemas) for each in example]
    shape = next((each for each in shapes if "properties" in each), None)
    if shape is None or not isinstance(example, dict):
        return example
    members = shape["properties"]
    whole = {**dict.fromkeys(shape.get("required", ())), **example}
    return {name: _with_nulls(value, members.get(name, {}), schemas) for name, value in whole.items()}


def _meaning(name: str) -> str | None:
    said = _MEANINGS.get(name)
    return said[0] if isinstance(said, tuple) else said


def _example(name: str, schema: Schema, schemas: Mapping[str, Schema], depth: int = 0) -> Any:
    """One that the schema allows: put together from those of its parts, of single values the one that is said here."""
    if schema.get("examples"):
        return schema["examples"][0]
    if depth > _MOST_DEPTH:
        return None
    if "$ref" in schema:
        return _example(name, schemas[schema["$ref"].rpartition("/")[2]], schemas, depth + 1)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _example(name, next(each for each in choices if each.get("type") != "null"), schemas, depth + 1)
    if "enum" in schema or "const" in schema:
        return _fitting(name, schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "object" if "properties" in schema:
            members = schema["properties"].items()
            return {member: _example(member, said, schemas, depth + 1) for member, said in members}
        case "array":
            known = _value(name)
            return known if isinstance(known, list) else [_example(name, schema.get("items", {}), schemas, depth + 1)]
        case kind:
            return _single(name, kind, schema.get("format"))


def _single(name: str, kind: str | None, form: str | None) -> Any:
    fallback = {"boolean": False, "integer": 1, "number": 1.0, "object": {}, "string": "text"}.get(kind or "")
    fallback = {"date-time": "2026-01-02T03:04:05.678Z", "uuid": _STEP, "date": "2026-01-02"}.get(form or "", fallback)
    known = _value(name)
    return known if known is not None and form is None and isinstance(known, type(fallback)) else fallback


def _fitting(name: str, allowed: list[Any]) -> Any:
    known = _value(name)
    return known if known in allowed else allowed[0]


def _value(name: str) -> Any:
    said = _MEANINGS.get(name)
    return said[1] if isinstance(said, tuple) else None
