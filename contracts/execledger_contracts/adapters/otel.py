"""Spans of OpenTelemetry in OTLP/JSON, with the conventions for generative AI.

Made from opentelemetry-proto 1.9 (`ExportTraceServiceRequest` in its JSON form) and the semantic conventions 1.41 for
GenAI spans and agent spans; their older names of 1.36 and before are read too. A trace is an execution, its root span
begins and ends it, a call of a model or a tool is a fact, and any other span of the application itself is a step.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from execledger_contracts.adapters.foreign import (
    Document,
    as_source,
    each,
    event,
    first,
    needed,
    of_microseconds,
    part,
    parts,
    said,
    some,
    text,
    whole,
)

_CALLS: Final = {"chat", "text_completion", "generate_content", "embeddings"}
_STEPS: Final = {"create_agent", "invoke_agent", "invoke_workflow", "plan", "retrieval"}
_INTERNAL: Final = (None, 0, 1, "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL")
_ERROR: Final = (2, "2", "STATUS_CODE_ERROR")
_DEEPEST: Final = 32


def translate(document: Document, key: str | None) -> Iterator[Any]:
    """The spans of an export, each by itself: one that is none costs the others nothing."""
    for resource_spans in parts(document, "resourceSpans"):
        resource = _attributes(part(resource_spans, "resource"))
        for scope_spans in parts(resource_spans, "scopeSpans"):
            yield from each(parts(scope_spans, "spans"), partial(_of_span, resource))


def _of_span(resource: Document, span: Document) -> Iterator[Document]:
    trace_id, span_id = needed(text(span, "traceId"), "traceId").lower(), needed(text(span, "spanId"), "spanId").lower()
    begins, ends = _times(span)
    attributes = _attributes(span)
    source = as_source(f"urn:opentelemetry:{text(resource, 'service.name') or 'unknown_service'}")
    say = partial(event, source=source, subject=trace_id)
    parent_id = (text(span, "parentSpanId") or "").lower()
    if not parent_id:
        began = _beginning(span, resource, attributes)
        yield say("execution.started", f"{span_id}/start", time=begins, data=began)
    operation = text(attributes, "gen_ai.operation.name") or ""
    if operation in _CALLS:
        yield say("llm.called", f"{span_id}/call", time=ends, data=_model_call(span, attributes, parent_id))
    elif operation == "execute_tool":
        yield say("tool.called", f"{span_id}/call", time=ends, data=_tool_call(span, attributes, parent_id))
    elif parent_id and (operation in _STEPS or operation or span.get("kind") in _INTERNAL):
        step = _step(span, attributes, span_id, parent_id)
        yield say(
            "step.started", f"{span_id}/start", time=begins, data={**step, **_said_in(attributes), "original": span}
        )
        yield say(f"step.{_ending(span)}", f"{span_id}/end", time=ends, data={**step, **_said_out(span, attributes)})
    elif parent_id:
        yield say("opentelemetry.span", f"{span_id}/end", time=ends, data=span)
    if not parent_id:
        yield say(f"execution.{_ending(span)}", f"{span_id}/end", time=ends, data=_said_out(span, attributes))


def _times(span: Document) -> tuple[str, str]:
    """When it began and ended; nanoseconds in text, as JSON of protobuf writes 64 bits."""
    begins, ends = (_digits(span, name) for name in ("startTimeUnixNano", "endTimeUnixNano"))
    return of_microseconds(begins // 1000, "startTimeUnixNano"), of_microseconds(ends // 1000, "endTimeUnixNano")


def _digits(span: Document, name: str) -> int:
    found = span.get(name)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
        return int(found)
    return int(needed(str(found) if isinstance(found, int) and not isinstance(found, bool) else None, name))


def _milliseconds(span: Document) -> int:
    return max(0, (_digits(span, "endTimeUnixNano") - _digits(span, "startTimeUnixNano")) // 1_000_000)


def _beginning(span: Document, resource: Document, attributes: Document) -> Document:
    name = first(text(attributes, "gen_ai.workflow.name"), text(attributes, "gen_ai.agent.name"), text(span, "name"))
    version = first(text(attributes, "gen_ai.agent.version"), text(resource, "service.version"))
    return said(
        workflow=some(id=first(text(attributes, "gen_ai.agent.id"), name), name=name, version=version),
        owner=some(id=first(text(attributes, "enduser.id"), text(attributes, "user.id"))),
        session_id=first(text(attributes, "gen_ai.conversation.id"), text(attributes, "session.id")),
        labels=some(service=text(resource, "service.name"), environment=text(resource, "deployment.environment.name")),
        **_said_in(attributes),
        original=span,
    )


def _model_call(span: Document, attributes: Document, parent_id: str) -> Document:
    def count(*names: str) -> int | None:
        return first(*(whole(attributes, f"gen_ai.usage.{name}") for name in names))

    return said(
        provider=first(text(attributes, "gen_ai.provider.name"), text(attributes, "gen_ai.system")),
        model=first(text(attributes, "gen_ai.response.model"), text(attributes, "gen_ai.request.model")),
        prompt_tokens=count("input_tokens", "prompt_tokens"),
        completion_tokens=count("output_tokens", "completion_tokens"),
        cached_tokens=count("cache_read.input_tokens", "cache_read_input_tokens"),
        cache_write_tokens=count("cache_creation.input_tokens", "cache_creation_input_tokens"),
        reasoning_tokens=count("reasoning.output_tokens"),
        cost_usd=text(attributes, "gen_ai.usage.cost"),
        error=_why(span, attributes),
        duration_ms=_milliseconds(span),
        **_whose(attributes, parent_id),
        **_said_in(attributes),
        output=_value_of(attributes, "gen_ai.output.messages", "gen_ai.completion"),
        original=span,
    )


def _tool_call(span: Document, attributes: Document, parent_id: str) -> Document:
    return said(
        tool_name=first(text(attributes, "gen_ai.tool.name"), text(span, "name")),
        success=_ending(span) == "completed",
        error=_why(span, attributes),
        duration_ms=_milliseconds(span),
        **_whose(attributes, parent_id),
        input=_value_of(attributes, "gen_ai.tool.call.arguments"),
        output=_value_of(attributes, "gen_ai.tool.call.result"),
        original=span,
    )


def _step(span: Document, attributes: Document, span_id: str, parent_id: str) -> Document:
    step = said(
        id=span_id,
        name=first(text(attributes, "gen_ai.agent.name"), text(span, "name")),
        operation=text(attributes, "gen_ai.operation.name"),
        agent_id=_agent(attributes),
        parent_id=parent_id,
    )
    return {"step": step}


def _whose(attributes: Document, parent_id: str) -> Document:
    return said(agent_id=_agent(attributes), step_id=parent_id or None)


def _agent(attributes: Document) -> str | None:
    return first(text(attributes, "gen_ai.agent.id"), text(attributes, "gen_ai.agent.name"))


def _said_in(attributes: Document) -> Document:
    return said(input=_value_of(attributes, "gen_ai.input.messages", "gen_ai.prompt"))


def _said_out(span: Document, attributes: Document) -> Document:
    is_error = _ending(span) == "failed"
    error = some(message=_why(span, attributes), type=text(attributes, "error.type")) if is_error else None
    output = _value_of(attributes, "gen_ai.output.messages", "gen_ai.completion")
    return said(output=output, error=error, duration_ms=_milliseconds(span))


def _ending(span: Document) -> str:
    return "failed" if part(span, "status").get("code") in _ERROR else "completed"


def _why(span: Document, attributes: Document) -> str | None:
    """What the span says of its failure: its status, an exception that it noted, the type of the error."""
    if _ending(span) != "failed":
        return None
    noted = [_attributes(each) for each in parts(span, "events") if each.get("name") == "exception"]
    exception = noted[-1] if noted else {}
    return first(text(span, "status", "message"), text(exception, "exception.message"), text(attributes, "error.type"))


def _value_of(attributes: Document, *names: str) -> Any:
    """A value; one that is JSON in a text, as the conventions allow, is read."""
    found = first(*(attributes.get(name) for name in names))
    if isinstance(found, str) and found[:1] in ("{", "["):
        try:
            return json.loads(found)
        except ValueError:
            return found
    return found


def _attributes(holder: Document) -> Document:
    return {name: _any_value(each.get("value")) for each in parts(holder, "attributes") if (name := text(each, "key"))}


def _any_value(value: Any, depth: int = 0) -> Any:
    """What an AnyValue of OTLP holds; nothing deeper than any attribute is."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        number = whole(value, "intValue")
        return value["intValue"] if number is None else number
    if "arrayValue" in value:
        return [_any_value(each, depth + 1) for each in parts(value, "arrayValue", "values")]
    pairs = [(text(each, "key"), each.get("value")) for each in parts(value, "kvlistValue", "values")]
    return {key: _any_value(said_of_it, depth + 1) for key, said_of_it in pairs if key is not None}
