"""CrewAI's event bus, as AMP's webhook streaming sends it, or as `event.to_json()` of a listener.

Made from crewAIInc/crewAI 1.x, lib/crewai/src/crewai/events (base_events and types/*), and the envelope of
docs.crewai.com/en/enterprise/features/webhook-streaming: `{"events": [{id, execution_id, timestamp, type, data}]}`. The
bus itself names no run: an event outside of that envelope is of the execution that its record's key names.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from execledger_contracts.adapters.foreign import (
    Document,
    each,
    event,
    first,
    needed,
    own_type,
    part,
    parts,
    said,
    some,
    text,
    whole,
)

SOURCE: Final = "urn:crewai"

_RUNS: Final = {"crew_kickoff": "crew", "flow": "flow"}
_STEPS: Final = {"task": "task", "method_execution": "method", "agent_execution": "agent"}
_ENDINGS: Final = {
    "started": "started",
    "completed": "completed",
    "finished": "completed",
    "failed": "failed",
    "error": "failed",
}
_PAUSES: Final = {
    "flow_paused": "paused",
    "flow_input_requested": "paused",
    "flow_input_received": "resumed",
    "human_feedback_requested": "paused",
    "human_feedback_received": "resumed",
}


def translate(document: Document, key: str | None) -> Iterator[Any]:
    """The events of one delivery, or the one event that it is."""
    sent = parts(document, "events") if "events" in document else [document]
    yield from each(sent, partial(_of_event, key))


def _of_event(key: str | None, sent: Document) -> Iterator[Document]:
    kind = needed(text(sent, "type"), "type")
    known = {**part(sent, "data"), **sent} if "execution_id" in sent else sent
    run_id = needed(first(text(sent, "execution_id"), key), "execution_id, or the record's key")
    id_ = needed(first(text(sent, "id"), text(known, "event_id")), "id")
    time = needed(text(sent, "timestamp"), "timestamp")
    type_, data = _meaning(kind, known)
    yield event(type_, id_, SOURCE, run_id, time, sent if data is None else {**data, "original": sent})


def _meaning(kind: str, known: Document) -> tuple[str, Document | None]:
    """The type of the table, and what is said; of a type that has no place in it, its own, and None."""
    subject, _, what = kind.rpartition("_")
    ending = _ENDINGS.get(what)
    if ending and subject in _RUNS and not text(known, "parent_event_id"):
        return f"execution.{ending}", _execution(subject, ending, known)
    if ending and (subject in _RUNS or subject in _STEPS) and (step := _step(subject, ending, known)):
        return f"step.{ending}", step
    if kind in _PAUSES:
        return f"execution.{_PAUSES[kind]}", said(waiting_for=text(known, "message"), reason=kind)
    if kind in ("llm_call_completed", "llm_call_failed"):
        return "llm.called", _model_call(known)
    if kind in ("tool_usage_finished", "tool_usage_error"):
        return "tool.called", _tool_call(kind, known)
    return own_type("crewai", kind), None


def _execution(subject: str, ending: str, known: Document) -> Document:
    if ending == "started":
        name = first(text(known, "crew_name"), text(known, "flow_name"))
        return said(workflow=some(id=name, name=name), mode=_RUNS[subject], input=known.get("inputs"))
    if ending == "failed":
        return said(error=_error(known))
    output = first(known.get("output"), known.get("result"))
    result = output if isinstance(output, str) else text(output, "raw")
    usage = {**part(known, "output", "token_usage"), **part(known, "token_usage")}
    figures = some(
        prompt_tokens=whole(usage, "prompt_tokens"),
        completion_tokens=whole(usage, "completion_tokens"),
        total_tokens=first(whole(known, "total_tokens"), whole(usage, "total_tokens")),
    )
    return said(output=output, result=result, usage=figures)


def _step(subject: str, ending: str, known: Document) -> Document:
    """A task, a method of a flow, an agent at work on a task; a crew or flow inside of another."""
    task_id, agent = text(known, "task_id"), _agent(known)
    begun_by = text(known, "event_id") if ending == "started" else text(known, "started_event_id")
    steps = {
        "task": said(id=first(task_id, text(known, "task_name")), name=text(known, "task_name"), agent_id=agent),
        "method_execution": said(id=text(known, "method_name"), name=text(known, "method_name")),
        "agent_execution": said(
            id=agent and f"{task_id or 'agent'}/{agent}",
            name=text(known, "agent_role"),
            agent_id=agent,
            parent_id=task_id,
        ),
    }
    nested = said(id=begun_by, name=first(text(known, "crew_name"), text(known, "flow_name")))
    step = steps.get(subject, nested)
    if "id" not in step:
        return {}
    step["operation"] = {**_STEPS, **_RUNS}[subject]
    if ending == "started":
        return said(step=step, input=first(known.get("inputs"), known.get("params"), known.get("context")))
    output = first(known.get("output"), known.get("result"))
    return said(step=step, output=output, error=_error(known) if ending == "failed" else None)


def _model_call(known: Document) -> Document:
    usage = part(known, "usage")
    model = text(known, "model")
    provider = model.partition("/")[0] if model and "/" in model else None
    return said(
        provider=provider,
        model=model.partition("/")[2] if model and provider else model,
        prompt_tokens=first(whole(usage, "prompt_tokens"), whole(usage, "input_tokens")),
        completion_tokens=first(whole(usage, "completion_tokens"), whole(usage, "output_tokens")),
        cached_tokens=first(
            whole(usage, "cached_prompt_tokens"), whole(usage, "prompt_tokens_details", "cached_tokens")
        ),
        reasoning_tokens=first(
            whole(usage, "reasoning_tokens"), whole(usage, "completion_tokens_details", "reasoning_tokens")
        ),
        cost_usd=first(text(usage, "cost"), text(usage, "cost_usd")),
        error=text(known, "error"),
        agent_id=_agent(known),
        step_id=text(known, "task_id"),
        input=known.get("messages"),
        output=known.get("response"),
    )


def _tool_call(kind: str, known: Document) -> Document:
    failure = known.get("failure")
    error = first(text(known, "error"), text(failure, "message"), text(failure, "reason"), text(known, "failure"))
    return said(
        tool_name=text(known, "tool_name"),
        success=kind == "tool_usage_finished" and failure is None,
        error=error,
        duration_ms=_between(text(known, "started_at"), text(known, "finished_at")),
        cache_hit=known.get("from_cache") if isinstance(known.get("from_cache"), bool) else None,
        agent_id=_agent(known),
        step_id=text(known, "task_id"),
        input=known.get("tool_args"),
        output=known.get("output"),
    )


def _agent(known: Document) -> str | None:
    return first(text(known, "agent_id"), text(known, "agent_role"))


def _error(known: Document) -> Document | None:
    return some(message=text(known, "error"), type=text(known, "error_type"))


def _between(begun: str | None, ended: str | None) -> int | None:
    """Milliseconds from one time to another; None where they cannot be compared."""
    try:
        taken = datetime.fromisoformat(ended or "") - datetime.fromisoformat(begun or "")
    except (ValueError, TypeError):
        return None
    return max(0, int(taken.total_seconds() * 1000))
