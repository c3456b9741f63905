"""Whatever happens, the explanation names those whom the rules name, and no event is passed over in silence.

Who decided what is worked out once more here from the rules, with the reference fold and no code of the lifecycle.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.events import Event
from execledger_lifecycle import Explanation, NotApplied, enter, execution_record, explain
from factories import created
from histories import EXTERNAL_ID, folded, histories
from reference_fold import (
    attempt_of,
    contributing,
    highest_attempt,
    in_order,
    is_before,
    is_cancel_request,
    is_end,
    is_of_execution,
    is_watchdogs,
    kind,
    makes_void,
    of_step,
    of_the_first_source,
    pause_of,
    place,
    raises_attempt,
    reference_record,
    shows_running,
    values,
)

_BEGINNING: Final = (
    "owner", "session_id", "workflow", "trigger", "mode", "query", "input", "complexity_score", "timeout_seconds",
    "budget", "tags", "parent_execution_id", "root_execution_id",
)  # fmt: skip
_ENDING: Final = {
    **{name: name for name in ("duration_ms", "agents_used", "error", "output", "result", "cancelled_by")},
    "killed_by_budget": "killed_by_budget",
    "cancel_reason": "reason",
}
_USAGE: Final = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd")


@given(histories)
def test_it_names_whom_the_rules_name(history: list[Event]) -> None:
    explanation, expected = explained(history), reference_deciders(history)
    assert {name: entry.event_id for name, entry in explanation.fields.items()} == {
        name: deciding[-1].id for name, deciding in expected.items()
    }
    for event in explanation.events:
        named = {name for name, deciding in expected.items() if event.entry.event_id in {e.id for e in deciding}}
        assert (len(event.decides), set(event.decides)) == (len(named), named)


@given(histories)
def test_the_record_shows_what_the_deciding_event_says(history: list[Event]) -> None:
    explanation, record = explained(history), record_of(history)
    for name, entry in explanation.fields.items():
        for column, said in _said(name, entry.event).items():
            assert record[column] == said, (name, column)


@given(st.data())
def test_arrival_leaves_no_trace(data: st.DataObject) -> None:
    history = data.draw(histories)
    assert explained(data.draw(st.permutations(history))) == explained(history)


@given(histories)
def test_no_event_is_passed_over_in_silence(history: list[Event]) -> None:
    """One that neither decides nor is refused adds: to a step, to a sum, a sign of life; or it is said again."""
    number = highest_attempt(history)
    for explained_event in explained(history).events:
        if not explained_event.decides and explained_event.not_applied is None:
            event = explained_event.entry.event
            assert (
                of_step(event)
                or kind(event) in ("fact", "execution.progressed", "execution.paused", "execution.resumed")
                or (is_watchdogs(event) and event.attempt > number)
                or (is_end(event) and _reports(event))
                or _is_asked_again(event, history)
                or _is_said_again(event, history)
            ), event


def _is_asked_again(event: Event, history: Sequence[Event]) -> bool:
    """Whether another event asked for the same stop, and not later."""
    requests = [other for other in history if kind(other) == "execution.cancel_requested" and other is not event]
    return kind(event) == "execution.cancel_requested" and any(other.time <= event.time for other in requests)


def _is_said_again(event: Event, history: Sequence[Event]) -> bool:
    """Whether a later event says something that this one says; of what is merged, every key of it."""
    later = [other for other in history if is_before(event, other, history)]
    return (
        any(_saying([event], name) and _saying(later, name) for name in (*_BEGINNING, "total_steps"))
        or any(_is_merged_over(event, later, name) for name in ("labels", "metadata"))
        or (event.traceparent is not None and any(kind(o).startswith("execution.") and o.traceparent for o in later))
    )


def _is_merged_over(event: Event, later: Sequence[Event], name: str) -> bool:
    over = [getattr(other.data, name) for other in _saying(later, name)]
    return bool(_saying([event], name) and over) and getattr(event.data, name).keys() <= set().union(*over)


@given(histories)
def test_reasons_are_given_when_they_are_true(history: list[Event]) -> None:
    number = highest_attempt(history)
    for explained_event in explained(history).events:
        event, reason = explained_event.entry.event, explained_event.not_applied
        assert (reason == NotApplied.UNKNOWN) == (kind(event) == "other")
        assert (reason == NotApplied.VOID) == is_void(event, history)
        assert (reason == NotApplied.OWNER) == names_anothers_owner(event, history)
        if reason is NotApplied.OLDER:
            assert attempt_of(event, history) < number
        if reason is not None:
            assert not explained_event.decides or reason in (NotApplied.UNKNOWN, NotApplied.OWNER)
        if (
            attempt_of(event, history) >= number
            and event not in contributing(in_order(history))
            and not is_watchdogs(event)
        ):
            assert reason is NotApplied.AFTER


def is_void(ending: Event, history: Sequence[Event]) -> bool:
    return is_watchdogs(ending) and any(makes_void(event, ending, history) for event in history)


def names_anothers_owner(event: Event, history: Sequence[Event]) -> bool:
    naming = [e for e in in_order(history) if getattr(e.data, "owner", None) is not None]
    return event in naming and event not in of_the_first_source(naming)


@given(histories)
def test_without_what_was_not_applied_the_record_says_the_same(history: list[Event]) -> None:
    """Apart from its version, and from what an older attempt owes to it.

    Its ending keeps others of that attempt from counting, and what began it makes its steps and facts its own.
    """
    explanation = explained(history)
    for explained_event in explanation.events:
        event = explained_event.entry.event
        if explained_event.not_applied is None or explained_event.decides:
            continue
        if explained_event.not_applied is NotApplied.OLDER and (is_end(event) or _began_alone(event, history)):
            continue
        if any(
            is_watchdogs(ending) and makes_void(event, ending, history) for ending in history
        ):  # it was a sign of life, if nothing else
            continue
        rest = [other for other in history if other is not event]
        assert {name: entry for name, entry in explained(rest).fields.items() if name in explanation.fields} == (
            explanation.fields
        )


def _began_alone(event: Event, history: Sequence[Event]) -> bool:
    began = [other for other in history if raises_attempt(other) and other.attempt == event.attempt]
    return began == [event]


@given(histories)
def test_the_provisional_ending_is_the_one_that_stands(history: list[Event]) -> None:
    explanation = explained(history)
    standing = explanation.provisional
    assert (standing is not None) == record_of(history)["provisional"]
    assert standing is None or standing == explanation.fields["status"]


def test_of_no_events_there_is_nothing_to_explain() -> None:
    assert explain([], record_of([created()])) == Explanation({}, [], None, [])


def explained(history: Iterable[Event]) -> Explanation:
    events = list(history)
    return explain([enter(event, event.id) for event in events], record_of(events))


def record_of(history: Iterable[Event]) -> dict[str, Any]:
    return execution_record(folded(history)[0], EXTERNAL_ID)._asdict()


def reference_deciders(history: Sequence[Event]) -> dict[str, list[Event]]:
    """For each field that somebody decided, who did, in order."""
    everything = in_order(history)
    record = reference_record(everything, EXTERNAL_ID, {})
    told, number = contributing(everything), highest_attempt(everything)
    own = [event for event in told if attempt_of(event, everything) == number]
    ends = [event for event in own if is_end(event)]
    beginning = [event for event in told if kind(event) in ("execution.created", "execution.started")]
    merging = [event for event in told if is_of_execution(event)]
    asked = [event for event in told if is_cancel_request(event) and event.attempt >= number]
    reports = [e for e in own if kind(e) in ("execution.created", "execution.started", "execution.progressed")]
    deciders = {
        "status": _who_set_status(everything, own),
        "attempt": [e for e in everything if raises_attempt(e) and e.attempt == number][:1],
        "created_at": _earliest(
            [e for e in told if kind(e) == "execution.created"] or [e for e in told if kind(e) != "other"] or told,
            everything,
        ),
        "started_at": _earliest(_starts(own, ends, everything), everything),
        "paused_at": _pausing(own),
        "waiting_for": _saying(_pausing(own), "waiting_for"),
        "ended_at": ends[:1],
        "cancel_requested_at": _earliest(asked, everything),
        **{name: _saying(beginning, name)[-1:] for name in _BEGINNING},
        "owner": of_the_first_source(beginning)[-1:],
        **{name: _saying(ends, said)[:1] for name, said in _ENDING.items() if name != "cancel_reason"},
        "cancel_reason": _saying(ends, "reason")[:1] if record["status"] == "cancelled" else [],
        **{name: _saying(reports, name)[-1:] for name in ("total_steps", "completed_steps", "progress_percent")},
        **{name: _who_merged(merging, name) for name in ("labels", "metadata")},
        "traceparent": [e for e in merging if e.traceparent is not None and not is_cancel_request(e)][-1:],
    }
    for name in ("progress_percent", "killed_by_budget"):
        if values(deciders[name], name) != [record[name]]:
            deciders[name] = []
    return {name: deciding for name, deciding in (deciders | _sums(told, everything, record)).items() if deciding}


def _who_set_status(everything: Sequence[Event], own: Sequence[Event]) -> list[Event]:
    if ends := [event for event in own if is_end(event)]:
        return ends[:1]
    if running := [event for event in own if shows_running(event)]:
        return running[:1]
    number, told = highest_attempt(everything), contributing(everything)
    if number > 1:
        return [event for event in everything if raises_attempt(event) and event.attempt == number][:1]
    return [event for event in told if kind(event) != "other"][:1] or told[:1]


def _pausing(own: Sequence[Event]) -> list[Event]:
    """The pause that is on."""
    is_on = pause_of(own)["paused_at"] is not None
    return [event for event in own if kind(event) == "execution.paused"][-1:] if is_on else []


def _starts(own: Sequence[Event], ends: Sequence[Event], everything: Sequence[Event]) -> list[Event]:
    signs = [e for e in own if shows_running(e) and not is_end(e)]
    signs = [event for event in signs if not ends or is_before(event, ends[0], everything)]
    return [event for event in own if kind(event) == "execution.started"] or signs


def _who_merged(events: Sequence[Event], name: str) -> list[Event]:
    saying = _saying(events, name)
    parts = [getattr(event.data, name).keys() for event in saying]
    standing = [event for index, event in enumerate(saying) if parts[index] - set().union(*parts[index + 1 :])]
    return standing or saying[-1:]


def _sums(told: Sequence[Event], everything: Sequence[Event], record: Mapping[str, Any]) -> dict[str, list[Event]]:
    sums = {}
    for name in (*_USAGE, "tools_invoked", "cache_hits"):
        shown = f"usage.{name}" if name in _USAGE else name
        reporting: list[Event] = []
        for attempt in {attempt_of(event, everything) for event in told}:
            reporting += [e for e in told if e.attempt == attempt and is_end(e) and _figure(e, name) is not None][:1]
        sums[shown] = reporting if [_figure(event, name) for event in reporting] == [record[name]] else []
    return sums


def _figure(event: Event, name: str) -> Any:
    data: Any = event.data
    return getattr(data.usage, name, None) if name in _USAGE else getattr(data, name)


def _reports(event: Event) -> bool:
    return any(_figure(event, name) is not None for name in (*_USAGE, "tools_invoked", "cache_hits"))


def _saying(events: Sequence[Event], name: str) -> list[Event]:
    return [event for event in events if getattr(event.data, name, None) is not None]


def _earliest(events: Sequence[Event], everything: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.time, place(event, everything)))[:1]


_COLUMNS: Final = {
    "owner": {"owner_id": "id", "owner_email": "email", "owner_name": "name"},
    "workflow": {"workflow_id": "id", "workflow_name": "name", "workflow_version": "version"},
    "trigger": {"trigger_mode": "mode", "trigger_event_id": "event_id", "trigger_event_name": "event_name"},
    "budget": {"token_limit": "token_limit", "cost_limit_usd": "cost_limit_usd"},
    "error": {"error_message": "message", "error_type": "type"},
}


def _said(name: str, event: Event) -> dict[str, Any]:
    """By column, what that event says of a field."""
    data: Any = event.data
    if name in _COLUMNS:
        return {column: getattr(getattr(data, name), part) for column, part in _COLUMNS[name].items()}
    if name.endswith("_at"):
        return {name: event.time}
    if name in ("input", "output", "result"):
        return {f"{name}_event_id": event.id}
    if name in ("attempt", "traceparent"):
        return {name: getattr(event, name)}
    if name in ("status", "tags", "labels", "metadata"):  # words of types, and text of JSON
        return {}
    name = name.removeprefix("usage.")
    return {name: _figure(event, name) if name in (*_USAGE, "tools_invoked", "cache_hits") else _plain(data, name)}


def _plain(data: Any, name: str) -> Any:
    return getattr(data, _ENDING.get(name, name))
