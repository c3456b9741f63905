"""The record and the outcomes once more, straight from the rules: slow, plain, sharing no code with the lifecycle.

Each function looks at all events again, as the rules are worded. Times are datetimes and money is Decimal here.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import is_
from typing import Any, Final

from execledger_contracts.events import Event, canonical_type

ORDER: Final = (
    "execution.created",
    "execution.started",
    "execution.progressed",
    "execution.paused",
    "execution.resumed",
    "execution.cancel_requested",
    "step.started",
    "step.completed",
    "step.failed",
    "step.timed_out",
    "step.cancelled",
    "step.skipped",
    "fact",
    "other",
    "execution.completed",
    "execution.failed",
    "execution.timed_out",
    "execution.cancelled",
)
TERMINAL: Final = ("completed", "failed", "timed_out", "cancelled", "skipped")
Step = tuple[str, int | None]
"""Step id, iteration: without a number it is another step than with 0."""
Try = tuple[str, int | None, int, int]
"""The same, attempt, try."""
NO_CAPS: Final = dict.fromkeys(("labels", "tags", "metadata_bytes", "agents"), sys.maxsize)
Prices = Mapping[str, int]
"""The stored price of calls whose cost nobody reported, in nano-dollars by event id."""


def reference_record(
    events: Iterable[Event], external_id: str, prices: Prices, caps: Mapping[str, int] = NO_CAPS
) -> dict[str, Any]:
    """What the record of these distinct events must hold, by column; the JSON columns as values."""
    everything = in_order(events)
    told = contributing(everything)
    attempt = highest_attempt(everything)
    own = [event for event in told if attempt_of(event, everything) == attempt]
    ends = [event for event in own if is_end(event)]
    status = status_of(own)
    beginning = [event for event in told if kind(event) in ("execution.created", "execution.started")]
    started_at, ended_at = start_of(own, everything), ends[0].time if ends else None
    total_steps, completed_steps, progress = steps_of(own, everything, status)
    owner, workflow = last(of_the_first_source(beginning), "owner"), last(beginning, "workflow")
    trigger, budget = last(beginning, "trigger"), last(beginning, "budget")
    created_at = creation_of(told)
    metadata = values([event for event in told if is_of_execution(event)], "metadata")
    return {
        "version": len(everything),
        "status": status,
        "provisional": bool(ends) and is_watchdogs(ends[0]),
        "attempt": attempt,
        **parts("owner", owner, "id", "email", "name"),
        "session_id": last(beginning, "session_id"),
        **parts("workflow", workflow, "id", "name", "version"),
        **parts("trigger", trigger, "mode", "event_id", "event_name"),
        "mode": last(beginning, "mode"),
        "query": last(beginning, "query"),
        "created_at": created_at,
        "started_at": started_at,
        **pause_of(own),
        "ended_at": ended_at,
        "duration_ms": duration(first(ends, "duration_ms"), started_at, ended_at),
        "progress_percent": progress,
        "completed_steps": completed_steps,
        "total_steps": total_steps,
        **parts("error", first(ends, "error"), "message", "type"),
        "error_event_id": who_first(ends, "error"),
        "has_stack": (error := first(ends, "error")) is not None and error.stack is not None,
        "input_event_id": who_last(beginning, "input"),
        "output_event_id": who_first(ends, "output"),
        "result_event_id": who_first(ends, "result"),
        **figures_of(told, everything, prices),
        "agents_used": agents_of(told, ends, caps["agents"]),
        "complexity_score": last(beginning, "complexity_score"),
        "timeout_seconds": last(beginning, "timeout_seconds"),
        "token_limit": budget and budget.token_limit,
        "cost_limit_usd": budget and budget.cost_limit_usd,
        "budget_scope": budget and (budget.scope or "tree"),
        "cancelled_by": first(ends, "cancelled_by"),
        "cancel_reason": first(ends, "reason") if status == "cancelled" else None,
        "cancel_requested_at": earliest(e for e in told if is_cancel_request(e) and e.attempt >= attempt),
        "killed_by_budget": status == "cancelled"
        and (first(ends, "killed_by_budget") is True or is_exceeded(budget, told, everything, ends[0], prices)),
        "tags": smallest_in_order(last(beginning, "tags"), caps["tags"]),
        "labels": smallest_members(merged(beginning, "labels"), caps["labels"]),
        "metadata": held_metadata(metadata, caps["metadata_bytes"])[0],
        "capped": capped(beginning, metadata, told, everything, caps) or None,
        "parent_execution_id": last(beginning, "parent_execution_id"),
        "root_execution_id": or_else(last(beginning, "root_execution_id"), external_id),
        "traceparent": traceparent_of(told),
        "usage_day": (started_at or created_at).astimezone(UTC).date(),
    }


def reference_steps(events: Iterable[Event]) -> dict[Try, dict[str, Any]]:
    """What the records of the tries of steps must hold."""
    everything = in_order(events)
    tries = tries_of(everything)
    return {each: reference_try(everything, each) for each in set(tries.values())}


def reference_try(everything: Sequence[Event], its: Try) -> dict[str, Any]:
    tries = tries_of(everything)
    told = [event for event in contributing(everything) if tries.get(event.id) == its]
    ends = [event for event in told if is_step_end(event)]
    said = [event.data.step for event in told]  # type: ignore[union-attr]  # step events have one
    is_superseded = any(other[:3] == its[:3] and other[3] > its[3] for other in tries.values())
    taken = None if ends else taken_status(everything, its[2], is_superseded=is_superseded)
    unexpected = bool(ends) and ends[0].data.unexpected is True  # type: ignore[union-attr]
    ended_at = ends[0].time if ends and not unexpected else None
    reported = first(ends, "duration_ms")
    started_at = earliest(event for event in told if kind(event) == "step.started") or before(ended_at, reported)
    return {
        **dict(zip(("step_id", "iteration", "attempt", "try_number"), its, strict=True)),
        "iteration_key": -1 if its[1] is None else its[1],
        **{name: last_of(said, name) for name in ("name", "operation", "total_items", "agent_id", "parent_id")},
        "status": word(ends[0]) if ends else taken or "running",
        "provisional": taken is not None,
        "unexpected": unexpected,
        "first_event_at": earliest(told),
        "started_at": started_at,
        "ended_at": ended_at,
        "duration_ms": duration(reported, started_at, ended_at),
        **parts("error", first(ends, "error"), "message", "type"),
        "error_event_id": who_first(ends, "error"),
        "input_event_id": who_last(told, "input"),
        "output_event_id": who_first(ends, "output"),
        "metadata": merged(told, "metadata"),
    }


def reference_outcome(recorded: Sequence[Event], event: Event) -> tuple[str, str | None]:
    """What becomes of an event that arrives when these are recorded, and why when it is rejected."""
    if kind(event) in ("fact", "other"):
        return "applied", None
    known = in_order([*recorded, event])
    highest, attempt, tries = highest_attempt(known), attempt_of(event, known), tries_of(known)
    if of_step(event):
        peers = [other for other in recorded if of_step(other) and tries[other.id][:3] == tries[event.id][:3]]
        rivals = [other for other in peers if is_step_end(other) and tries[other.id] == tries[event.id]]
    else:
        peers = list(recorded)
        rivals = [other for other in recorded if is_end(other) and other.attempt == highest and not is_watchdogs(other)]
    if is_step_end(event) or (is_end(event) and attempt == highest):
        deciding = min(rivals, key=lambda rival: place(rival, known), default=None)
        if deciding is not None and is_before(deciding, event, known) and word(deciding) != word(event):
            return "rejected", f"already {word(deciding)}"
    if attempt < highest or any(is_before(event, other, known) for other in peers):
        return "late", None
    return "applied", None


# The order.


def in_order(events: Iterable[Event]) -> list[Event]:
    everything = list(events)
    return sorted(everything, key=lambda event: place(event, everything))


def place(event: Event, everything: Sequence[Event]) -> tuple[int, datetime, int, int, str]:
    sequence = -1 if event.sequence is None else event.sequence
    return (attempt_of(event, everything), event.time, sequence, ORDER.index(kind(event)), event.id)


def is_before(one: Event, other: Event, everything: Sequence[Event]) -> bool:
    return place(one, everything) < place(other, everything)


def kind(event: Event) -> str:
    canonical = canonical_type(event.type) or "other"
    return "fact" if canonical in ("llm.called", "tool.called") else canonical


# Which events there are.


def word(event: Event) -> str:
    return kind(event).split(".")[1]


def is_of_execution(event: Event) -> bool:
    return kind(event).startswith("execution.")


def of_step(event: Event) -> bool:
    return kind(event).startswith("step.")


def is_end(event: Event) -> bool:
    return is_of_execution(event) and word(event) in TERMINAL


def is_step_end(event: Event) -> bool:
    return of_step(event) and word(event) in TERMINAL


def is_cancel_request(event: Event) -> bool:
    return kind(event) == "execution.cancel_requested"


def is_watchdogs(event: Event) -> bool:
    said = getattr(event.data, "provisional", None)
    return kind(event) == "execution.timed_out" and event.source == "execledger:watchdog" and said is True


def step_of(event: Event) -> Step:
    step: Any = event.data.step  # type: ignore[union-attr]  # only asked of step events
    return (step.name if step.id is None else step.id, step.iteration)


_asked_last: list[tuple[Sequence[Event], dict[str, Try]]] = [([], {})]


def tries_of(everything: Sequence[Event]) -> dict[str, Try]:
    """Which try each event of a step is of, by event id. The events are all there are, in order."""
    asked, found = _asked_last[0]
    if len(asked) == len(everything) and all(map(is_, asked, everything)):
        return found
    found = {}
    for event in everything:
        if of_step(event):
            its = (*step_of(event), attempt_of(event, everything))
            behind = [other for other in everything if other.id in found and found[other.id][:3] == its]
            found[event.id] = (*its, try_number(event, behind, found))
    _asked_last[0] = (list(everything), found)
    return found


def try_number(event: Event, behind: Sequence[Event], found: Mapping[str, Try]) -> int:
    """Given the events of its step that are ordered before it, and their tries."""
    said: int | None = event.data.step.try_number  # type: ignore[union-attr]  # step events have one
    if said is not None:
        return said
    greatest = max((found[other.id][3] for other in behind), default=1)
    ends = [other for other in behind if is_step_end(other) and found[other.id][3] == greatest]
    return greatest + 1 if ends and word(event) == "started" and not is_before_by_sequence(event, ends[0]) else greatest


def is_before_by_sequence(started: Event, ended: Event) -> bool:
    if started.sequence is None or ended.sequence is None or started.attempt != ended.attempt:
        return False
    return started.sequence <= ended.sequence


# Which of them count.


def contributing(everything: Sequence[Event]) -> list[Event]:
    """All but void provisional endings, and endings that come after one of another status."""
    standing = [
        event
        for event in everything
        if not is_watchdogs(event) or not any(makes_void(other, event, everything) for other in everything)
    ]
    return [event for event in standing if not is_refused(event, standing, everything)]


def makes_void(later: Event, event: Event, everything: Sequence[Event]) -> bool:
    is_sign = not is_cancel_request(later) and not is_watchdogs(later)
    return is_sign and is_before(event, later, everything)


def is_refused(event: Event, standing: Sequence[Event], everything: Sequence[Event]) -> bool:
    if is_end(event):
        ends = [other for other in standing if is_end(other) and other.attempt == event.attempt]
    elif is_step_end(event):
        tries = tries_of(everything)
        ends = [other for other in standing if is_step_end(other) and tries[other.id] == tries[event.id]]
    else:
        return False
    return word(event) != word(ends[0])


def attempt_of(event: Event, everything: Iterable[Event]) -> int:
    """What a step or a fact says of an attempt that nobody raised is of the highest below it that somebody did."""
    if not of_step(event) and kind(event) != "fact":
        return event.attempt
    if event.attempt == 1:
        return 1
    raised = [1, *(other.attempt for other in everything if raises_attempt(other))]
    return max(attempt for attempt in raised if attempt <= event.attempt)


def highest_attempt(events: Iterable[Event]) -> int:
    """Steps, facts, unknown types, requests to cancel and the watchdog's endings do not raise it."""
    return max((event.attempt for event in events if raises_attempt(event)), default=1)


def raises_attempt(event: Event) -> bool:
    return is_of_execution(event) and not is_cancel_request(event) and not is_watchdogs(event)


def shows_running(event: Event) -> bool:
    return kind(event) not in ("other", "execution.created", "execution.cancel_requested")


# The parts of the record. `own` are the contributing events of one attempt, in order.


def status_of(own: Sequence[Event]) -> str:
    ends = [event for event in own if is_end(event)]
    if ends:
        return word(ends[0])
    return "running" if any(shows_running(event) for event in own) else "pending"


def creation_of(told: Sequence[Event]) -> datetime:
    created = earliest(event for event in told if kind(event) == "execution.created")
    at = created or earliest(event for event in told if kind(event) != "other") or earliest(told)
    assert at is not None
    return at


def start_of(own: Sequence[Event], everything: Sequence[Event]) -> datetime | None:
    ends = [event for event in own if is_end(event)]
    signs = [event for event in own if shows_running(event) and not is_end(event)]
    if ends:
        signs = [event for event in signs if is_before(event, ends[0], everything)]
    started = earliest(event for event in own if kind(event) == "execution.started")
    return started or earliest(signs) or before(ends[0].time if ends else None, first(ends, "duration_ms"))


def pause_of(own: Sequence[Event]) -> dict[str, Any]:
    """The last pause that nothing resumed; what has ended waits for nothing."""
    pauses = [event for event in own if kind(event) in ("execution.paused", "execution.resumed")]
    is_on = bool(pauses) and kind(pauses[-1]) == "execution.paused" and not any(is_end(event) for event in own)
    waiting_for = pauses[-1].data.waiting_for if is_on else None  # type: ignore[union-attr]  # pauses have it
    return {"paused_at": pauses[-1].time if is_on else None, "waiting_for": waiting_for}


def of_the_first_source(beginning: Sequence[Event]) -> list[Event]:
    """Who named the first owner may name another, and nobody else."""
    naming = [event for event in beginning if getattr(event.data, "owner", None) is not None]
    return [event for event in naming if event.source == naming[0].source]


def steps_of(own: Sequence[Event], everything: Sequence[Event], status: str) -> tuple[int, int, int | None]:
    """Total, completed, percent."""
    reports = [e for e in own if kind(e) in ("execution.created", "execution.started", "execution.progressed")]
    seen = {step_of(event) for event in own if of_step(event)}
    done = {step for step in seen if last_status_of(step, own, everything) in ("completed", "skipped")}
    total, completed = last(reports, "total_steps"), last(reports, "completed_steps")
    total = len(seen) if total is None else total
    completed = len(done) if completed is None else completed
    progress = last(reports, "progress_percent")
    if progress is None and total:
        progress = min(100, int(Decimal(completed) * 100 // Decimal(total)))
    return total, completed, 100 if status == "completed" else progress


def last_status_of(step: Step, own: Sequence[Event], everything: Sequence[Event]) -> str | None:
    """How the greatest try of a step ended, within one attempt."""
    tries = tries_of(everything)
    of_it = [event for event in own if of_step(event) and step_of(event) == step]
    greatest = max(tries[event.id][3] for event in of_it)
    ends = [event for event in of_it if is_step_end(event) and tries[event.id][3] == greatest]
    return word(ends[0]) if ends else None


def taken_status(everything: Sequence[Event], attempt: int, *, is_superseded: bool) -> str | None:
    """What a try that did not end itself takes from its execution; one that another followed has ended."""
    own = [event for event in contributing(everything) if attempt_of(event, everything) == attempt]
    status = status_of(own)
    if status in TERMINAL:
        return status
    return "cancelled" if is_superseded or attempt < highest_attempt(everything) else None


def figures_of(told: Sequence[Event], everything: Sequence[Event], prices: Prices) -> dict[str, Any]:
    attempts = {attempt_of(event, everything) for event in told}
    each = [
        figures_of_attempt([e for e in told if attempt_of(e, everything) == attempt], prices) for attempt in attempts
    ]
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd", "tools_invoked", "cache_hits")
    sums: dict[str, Any] = {name: sum(figures[name] for figures in each) for name in names}
    sources = {figures["cost_source"] for figures in each}
    source = next((source for source in ("computed", "facts", "reported") if source in sources), None)
    has_usage = any(figures["has_usage"] for figures in each)
    return {**sums, "cost_nanos": int(sums["cost_usd"] * 10**9), "cost_source": source, "has_usage": has_usage}


def figures_of_attempt(own: Sequence[Event], prices: Prices) -> dict[str, Any]:
    ends = [event for event in own if is_end(event)]
    usages = [event.data.usage for event in ends if event.data.usage is not None]  # type: ignore[union-attr]
    facts = [event for event in own if kind(event) == "fact"]
    prompt = or_else(first_of(usages, "prompt_tokens"), sum(values(facts, "prompt_tokens")))
    completion = or_else(first_of(usages, "completion_tokens"), sum(values(facts, "completion_tokens")))
    reported, called, computed = first_of(usages, "cost_usd"), values(facts, "cost_usd"), computed_of(facts, prices)
    fact_source = "computed" if computed else "facts" if called else None
    tokens = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {
        "has_usage": prompt + completion > 0 or any(first_of(usages, name) is not None for name in tokens),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": or_else(first_of(usages, "total_tokens"), prompt + completion),
        "cost_usd": or_else(reported, sum([*called, *computed], Decimal(0))),
        "cost_source": "reported" if reported is not None else fact_source,
        "tools_invoked": or_else(first(ends, "tools_invoked"), sum(event.type == "tool.called" for event in facts)),
        "cache_hits": or_else(first(ends, "cache_hits"), values(facts, "cache_hit").count(True)),
    }


def computed_of(facts: Sequence[Event], prices: Prices) -> list[Decimal]:
    """What was reported is never computed."""
    unreported = [event for event in facts if event.type == "llm.called" and not values([event], "cost_usd")]
    return [Decimal(prices[event.id]).scaleb(-9) for event in unreported if event.id in prices]


def agents_of(told: Sequence[Event], ends: Sequence[Event], most: int) -> int:
    return int(or_else(first(ends, "agents_used"), min(most, len(agents_in(told)))))


def agents_in(told: Sequence[Event]) -> set[Any]:
    in_facts = set(values([event for event in told if kind(event) == "fact"], "agent_id"))
    in_steps: set[Any] = {event.data.step.agent_id for event in told if of_step(event)}  # type: ignore[union-attr]
    return in_facts | in_steps - {None}


def capped(
    beginning: Sequence[Event],
    metadata: Sequence[Any],
    told: Sequence[Event],
    everything: Sequence[Event],
    caps: Mapping[str, int],
) -> list[str]:
    tries = tries_of(everything)
    of_tries = [values([e for e in told if tries.get(e.id) == each], "metadata") for each in set(tries.values())]
    said = {
        "agents": len(agents_in(told)) > caps["agents"],
        "labels": len(merged(beginning, "labels") or {}) > caps["labels"],
        "metadata": held_metadata(metadata, caps["metadata_bytes"])[1],
        "steps.metadata": any(held_metadata(said, caps["metadata_bytes"])[1] for said in of_tries),
        "tags": len(set(last(beginning, "tags") or ())) > caps["tags"],
    }
    return [name for name, is_capped in said.items() if is_capped]


def smallest_members(members: dict[str, Any] | None, most: int) -> dict[str, Any] | None:
    names = sorted(members or (), key=str.encode)[:most]
    return None if members is None else {name: members[name] for name in names}


def smallest_in_order(tags: list[str] | None, most: int) -> list[str] | None:
    if tags is None or len(tags) <= most:
        return tags
    names = sorted(set(tags), key=str.encode)[:most]
    return [tag for number, tag in enumerate(tags) if tag in names and tag not in tags[:number]]


def held_metadata(said: Sequence[Any], most: int) -> tuple[dict[str, Any] | None, bool]:
    """Event by event; whether any of it was cut."""
    held: dict[str, Any] = {}
    is_cut = False
    for part in said:
        held = {**held, **part}
        while size(held) > most:
            is_cut = True
            del held[max(held, key=str.encode)]
    return held if said else None, is_cut


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def is_exceeded(
    budget: Any, told: Sequence[Event], everything: Sequence[Event], cancelled: Event, prices: Prices
) -> bool:
    facts = [event for event in told if kind(event) == "fact" and is_before(event, cancelled, everything)]
    tokens = sum(values(facts, "prompt_tokens")) + sum(values(facts, "completion_tokens"))
    cost = sum([*values(facts, "cost_usd"), *computed_of(facts, prices)], Decimal(0))
    if budget is None:
        return False
    return (budget.token_limit is not None and tokens > budget.token_limit) or (
        budget.cost_limit_usd is not None and cost > budget.cost_limit_usd
    )


def traceparent_of(told: Sequence[Event]) -> str | None:
    """From execution events; a request to cancel sets nothing but its time."""
    sent = [event.traceparent for event in told if is_of_execution(event) and not is_cancel_request(event)]
    return next((traceparent for traceparent in reversed(sent) if traceparent is not None), None)


# Ways to pick a value. Events are in order.


def last(events: Sequence[Event], field: str) -> Any:
    return last_of([event.data for event in events], field)


def last_of(things: Sequence[Any], field: str) -> Any:
    said = [getattr(thing, field) for thing in things if getattr(thing, field, None) is not None]
    return said[-1] if said else None


def first(events: Sequence[Event], field: str) -> Any:
    return first_of([event.data for event in events], field)


def first_of(things: Sequence[Any], field: str) -> Any:
    return last_of(list(reversed(things)), field)


def who_last(events: Sequence[Event], field: str) -> str | None:
    saying = [event.id for event in events if getattr(event.data, field, None) is not None]
    return saying[-1] if saying else None


def who_first(events: Sequence[Event], field: str) -> str | None:
    return who_last(list(reversed(events)), field)


def values(events: Sequence[Event], field: str) -> list[Any]:
    return [value for event in events if (value := getattr(event.data, field, None)) is not None]


def merged(events: Sequence[Event], field: str) -> dict[str, Any] | None:
    said = values(events, field)
    return {key: value for part in said for key, value in part.items()} if said else None


def parts(prefix: str, whole: Any, *names: str) -> dict[str, Any]:
    return {f"{prefix}_{name}": None if whole is None else getattr(whole, name) for name in names}


def earliest(events: Iterable[Event]) -> datetime | None:
    return min((event.time for event in events), default=None)


def duration(reported: int | None, started_at: datetime | None, ended_at: datetime | None) -> int | None:
    if reported is not None or started_at is None or ended_at is None:
        return reported
    return max(0, (ended_at - started_at) // timedelta(milliseconds=1))


def before(ended_at: datetime | None, duration_ms: int | None) -> datetime | None:
    if ended_at is None or duration_ms is None:
        return None
    try:
        return ended_at - timedelta(milliseconds=duration_ms)
    except OverflowError:  # before the year 1: no time at all
        return None


def or_else(reported: Any, counted: Any) -> Any:
    return counted if reported is None else reported
