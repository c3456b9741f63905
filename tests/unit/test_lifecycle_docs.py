"""What docs/lifecycle.md draws and lists is what the code does."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from execledger_contracts.events import EVENTS, TABLE_EVENTS, Event, OtherEvent
from factories import (
    cancel_requested,
    created,
    finished,
    llm_called,
    other,
    paused,
    progressed,
    resumed,
    started,
    step_finished,
    step_started,
    tool_called,
    watchdog_ended,
)
from histories import records

PAGE: Final = (Path(__file__).parents[2] / "docs" / "lifecycle.md").read_text()
DIAGRAMS: Final[list[str]] = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
Transition = tuple[str, str, str]
"""From, to, cause."""

ENDS: Final = ("completed", "failed", "timed_out", "cancelled")
CAUSES: Final[dict[str, Sequence[Callable[..., Event]]]] = {
    "created": [created],
    "started": [started],
    "progressed": [progressed],
    "paused": [paused],
    "resumed": [resumed],
    "cancel_requested": [cancel_requested],
    "step": [partial(step_started, "draft"), partial(step_finished, "review")],
    "fact": [llm_called, tool_called],
    "other": [other],
    "watchdog": [watchdog_ended],
    **{status: [partial(finished, status)] for status in ENDS},
}
RAISING: Final = CAUSES.keys() - {"cancel_requested", "step", "fact", "other", "watchdog"}


def test_the_table_of_ranks_is_the_order() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    drawn = [(int(rank), re.findall(r"`(.*?)`", events) or [events]) for rank, events in rows]
    ranks = sorted({event.traits.rank for event in EVENTS})
    assert drawn == [(rank, [_name(event) for event in EVENTS if event.traits.rank == rank]) for rank in ranks]


def _name(event: Any) -> str:
    return "any other type" if event is OtherEvent else str(event.canonical)


def test_the_diagram_of_an_execution_is_what_single_events_do() -> None:
    drawn = set(transitions(DIAGRAMS[0]))
    assert drawn == set(execution_transitions())


def test_the_diagram_of_a_step_is_what_single_events_do() -> None:
    assert set(transitions(DIAGRAMS[1])) == set(step_transitions())


def test_the_diagrams_name_every_kind_of_event() -> None:
    """Guards the enumeration: a new event of the table must get a cause."""
    made = {make().type for makers in CAUSES.values() for make in makers} - {other().type}
    canonical = {event.canonical for event in TABLE_EVENTS}
    assert made | {each for each in canonical if each.startswith("step.")} == canonical


def transitions(diagram: str) -> Iterator[Transition]:
    """The arrows, one for each cause; those through the choice are put together."""
    arrows = [
        (source, target, [cause for cause in re.split(", (?!if )", label) if cause])
        for source, target, label in re.findall(r"^ *(\S+) --> (\S+)(?: : (.*))?$", diagram, re.MULTILINE)
    ]
    direct = [arrow for arrow in arrows if "later_attempt" not in arrow]
    into, out_of = ([arrow for arrow in arrows if arrow[side] == "later_attempt"] for side in (1, 0))
    through = [
        (source, target, [f"later {cause}" for cause in causes])
        for (source, _, _), (_, target, causes) in itertools.product(into, out_of)
        if source != target
    ]
    for source, target, causes in direct + through:
        for cause in causes:
            yield (source, target, cause)


def execution_transitions() -> Iterator[Transition]:
    """What each event does that comes in order, to every execution of up to three events.

    Of a later attempt only what raises the attempt: the rest is in the words under the diagram.
    """
    for length in range(4):
        for causes in itertools.product(CAUSES, repeat=length):
            history = [CAUSES[cause][0](at=at) for at, cause in enumerate(causes)]
            before = execution_state(history)
            for cause, is_later, event in _next(at=length):
                after = execution_state([*history, event])
                if before != after and not (is_later and before == "[*]"):
                    yield (before, after, _named(cause, causes, is_later=is_later, after=after))


def _next(at: int) -> Iterator[tuple[str, bool, Event]]:
    for cause, makers in CAUSES.items():
        for make in makers:
            yield cause, False, make(at=at)
            if cause in RAISING:
                yield cause, True, make(at=at, attempt=2)


def _named(cause: str, before: Sequence[str], *, is_later: bool, after: str) -> str:
    if is_later:
        return f"later {cause}"
    is_void = cause in ("created", "other") and "watchdog" in before and after == "pending"
    return f"{cause}, if nothing had begun" if is_void else cause


def execution_state(history: Sequence[Event]) -> str:
    if not history:
        return "[*]"
    record, _ = records(history)
    return "provisional" if record.provisional else str(record.status)


STEP_CAUSES: Final[dict[str, Sequence[Callable[..., Event]]]] = {
    "started": [step_started],
    **{status: [partial(step_finished, "draft", status)] for status in (*ENDS, "skipped")},
    "execution ends": [*(partial(finished, status) for status in ENDS), watchdog_ended],
    "later attempt": [partial(started, attempt=2)],
    "later try": [partial(step_started, try_number=2)],
    "a sign of life": [progressed],
}
_STEP_NAMED: Final = {
    ("[*]", "provisional"): "started after the execution ended",
    ("provisional", "running"): "watchdog's ending made void",
}


def step_transitions() -> Iterator[Transition]:
    """The same for the first try of a step, in executions of up to three events."""
    makers = [(cause, make) for cause, every in STEP_CAUSES.items() for make in every]
    for length in range(4):
        for chosen in itertools.product(makers, repeat=length):
            history = [make(at=at) for at, (_, make) in enumerate(chosen)]
            before = step_state(history)
            for cause, make in makers:
                after = step_state([*history, make(at=length)])
                if before != after:
                    yield (before, after, _STEP_NAMED.get((before, after), cause))


def step_state(history: Sequence[Event]) -> str:
    step = records(history)[1].get(("draft", None, 1, 1)) if history else None
    if step is None:
        return "[*]"
    return "provisional" if step.provisional else str(step.status)
