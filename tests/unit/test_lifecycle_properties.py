"""Whatever happens in whatever order, the record is what the rules say of the set of events.

Two things are held against the lifecycle: a reference written from the rules alone (reference_fold.py), and the promise
that arrival (order, repetition, batching, going on from what is stored) leaves no trace in what is recorded.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories
from execledger_contracts.events import Event
from execledger_lifecycle import (
    Caps,
    ExecutionFold,
    ExecutionRecord,
    Outcome,
    StepFold,
    StepFolds,
    StepRecord,
    TryKey,
    execution_record,
    fold,
    step_record,
)
from factories import (
    cancel_requested,
    created,
    finished,
    llm_called,
    nth_id,
    other,
    started,
    step_finished,
    step_started,
    watchdog_ended,
)
from histories import EXTERNAL_ID, PRICES, SAYINGS, Arrival, arrivals, folded, histories, in_order, records
from memory import Memory, priced
from reference_fold import reference_outcome, reference_record, reference_steps

TIGHT: Final = Caps(labels=1, tags=1, metadata_bytes=12, agents=1)


@pytest.fixture(autouse=True, scope="module")
def _prices() -> Iterator[None]:
    with priced():
        yield


def loaded(text: str) -> ExecutionFold:
    execution = ExecutionFold.load(text)
    assert execution is not None
    return execution


def loaded_step(text: str) -> StepFold:
    step = StepFold.load(text)
    assert step is not None
    return step


def shown(record: ExecutionRecord | StepRecord) -> dict[str, Any]:
    """By column, without where the fold stands, the JSON as values."""
    columns = {name: value for name, value in record._asdict().items() if name != "fold"}
    is_json = {name for name in ("tags", "labels", "metadata", "capped") if columns.get(name) is not None}
    return {name: json.loads(value) if name in is_json else value for name, value in columns.items()}


def shown_all(memory: Memory) -> tuple[dict[str, Any], dict[TryKey, dict[str, Any]]]:
    assert memory.row is not None
    return shown(memory.row), {key: shown(step) for key, step in memory.steps.items()}


@given(histories)
@settings(max_examples=600, deadline=None)
def test_the_record_is_what_the_rules_say(history: list[Event]) -> None:
    record, steps = records(history, PRICES)
    assert shown(record) == reference_record(history, EXTERNAL_ID, PRICES)
    assert {key: shown(step) for key, step in steps.items()} == reference_steps(history)


@given(arrivals())
@settings(max_examples=400, deadline=None)
def test_arrival_leaves_no_trace_in_the_record(arrival: Arrival) -> None:
    memory = Memory()
    for batch in arrival.batches:
        memory.record(batch)
    assert (memory.row, memory.steps) == records(memory.log.values(), PRICES)


@given(arrivals())
@settings(max_examples=400, deadline=None)
def test_outcomes_are_those_of_one_record_after_the_other(arrival: Arrival) -> None:
    batched, single = Memory(), Memory()
    for batch in arrival.batches:
        batched.record(batch)
    for event in arrival.stream:
        known = list(single.log.values())
        single.record([event])
        if len(single.log) > len(known):
            verdict = single.verdicts[event.id]
            assert (verdict.outcome, verdict.reason) == reference_outcome(known, event)
    assert batched.verdicts == single.verdicts
    assert (batched.row, batched.steps) == (single.row, single.steps)


@given(histories, st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_a_fold_that_was_stored_goes_on_as_if_it_had_never_stopped(history: list[Event], stop: int) -> None:
    entries = in_order(history, PRICES)
    execution, before, steps = ExecutionFold(), StepFolds(), StepFolds()
    fold(execution, before, entries[:stop])
    execution = loaded(execution.dump())
    for step in before:
        steps.add(loaded_step(step.dump()))
    fold(execution, steps, entries[stop:])
    whole, whole_steps = folded(history, PRICES)
    assert execution.dump() == whole.dump()
    assert {step.key: step.dump() for step in steps} == {step.key: step.dump() for step in whole_steps}


def test_what_a_failed_step_says_survives_being_stored() -> None:
    _, steps = folded([step_finished(status="failed", error={"message": "no", "type": "Refused"})])
    (step,) = steps
    assert step.error
    assert loaded_step(step.dump()) == step


texts: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
numbers: Final = st.integers() | st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
anything: Final = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.text() | anything.map(json.dumps) | st.lists(anything, max_size=25).map(lambda said: json.dumps([1, *said])))
@settings(max_examples=300, deadline=None)
def test_what_no_fold_wrote_is_not_gone_on_from(text: str) -> None:
    assert (ExecutionFold.load(text), StepFold.load(text)) == (None, None)


@given(st.dictionaries(texts, anything, max_size=3), st.dictionaries(texts, texts, max_size=2), st.lists(texts))
@settings(max_examples=100, deadline=None)
def test_what_people_say_in_json_survives_being_stored(
    metadata: dict[str, Any], labels: dict[str, str], tags: list[str]
) -> None:
    said = started(metadata=metadata, labels=labels, tags=tags), step_started(metadata=metadata)
    execution, steps = folded(said)
    assert loaded(execution.dump()).dump() == execution.dump()
    assert execution_record(loaded(execution.dump()), EXTERNAL_ID) == execution_record(execution, EXTERNAL_ID)
    (step,) = steps
    assert step_record(loaded_step(step.dump()), execution) == step_record(step, execution)
    assert json.loads(step_record(step, execution).metadata or "") == metadata


@given(arrivals())
@settings(max_examples=150, deadline=None)
def test_what_is_rejected_on_arrival_changes_nothing_then(arrival: Arrival) -> None:
    memory = Memory()
    for event in arrival.stream:
        before = memory.copy()
        memory.record([event])
        is_new = event.id not in before.log
        # A step's refused ending is a sign of life all the same: it makes the watchdog's ending void.
        if is_new and memory.verdicts[event.id].outcome is Outcome.REJECTED and not shown_all(before)[0]["provisional"]:
            (record, steps), (record_after, steps_after) = shown_all(before), shown_all(memory)
            assert record_after == {**record, "version": len(memory.log)}
            assert steps_after == steps


@given(histories, st.permutations(range(12)))
@settings(max_examples=100, deadline=None)
def test_figures_never_fall_in_order_of_arrival(history: list[Event], order: list[int]) -> None:
    """Retries add up: what was consumed by facts stays consumed, in whatever attempt it was."""
    facts = [event for event in history if event.type in ("llm.called", "tool.called")]
    seen, tokens, cost = list[Event](), 0, 0
    for event in sorted(facts, key=lambda fact: order[history.index(fact)]):
        seen.append(event)
        record, _ = records(seen, PRICES)
        assert (record.total_tokens, record.cost_nanos) >= (tokens, cost)
        tokens, cost = record.total_tokens, record.cost_nanos


# Small histories, all of them, in every order.

INTERESTING: Final = [
    created(at=3, metadata={"a": 1}, event_id=nth_id(1)),
    started(at=1, total_steps=2, event_id=nth_id(2)),
    finished("completed", at=4, duration_ms=5, event_id=nth_id(3)),
    finished("failed", at=4, error={"message": "no"}, sequence=1, event_id=nth_id(4)),
    finished("completed", at=6, result="late", metadata={"a": 2}, event_id=nth_id(5)),
    watchdog_ended(at=5, event_id=nth_id(6)),
    step_started("draft", at=2, event_id=nth_id(7)),
    step_finished("draft", "failed", at=4, event_id=nth_id(8)),
    step_finished("draft", "completed", at=5.5, event_id=nth_id(9)),
    llm_called(at=5.2, prompt_tokens=3, cost_usd="0.1", event_id=nth_id(10)),
    llm_called(at=4.1, completion_tokens=3, event_id=nth_id(15)),
    cancel_requested(at=0, attempt=2, event_id=nth_id(11)),
    step_started("draft", at=0, attempt=2, event_id=nth_id(12)),
    watchdog_ended(at=7, attempt=2, event_id=nth_id(13)),
    other(at=9, attempt=2, event_id=nth_id(14)),
]
CONTRADICTORY: Final = [INTERESTING[number - 1] for number in (2, 3, 4, 5, 6, 7, 9)]


def arrive_in_every_order(interesting: Sequence[Event], depth: int) -> int:
    """Record every sequence of up to that many of these events, one by one; how many sets there were."""
    known: dict[frozenset[str], tuple[ExecutionRecord | None, dict[TryKey, StepRecord]]] = {}

    def go_on(memory: Memory) -> None:
        key = frozenset(memory.log)
        assert known.setdefault(key, (memory.row, memory.steps)) == (memory.row, memory.steps)
        for event in interesting if len(key) < depth else ():
            if event.id not in key:
                longer = memory.copy()
                longer.record([event])
                go_on(longer)

    go_on(Memory())
    for key, (row, steps) in known.items():
        history = [event for event in interesting if event.id in key]
        if row is not None:
            assert shown(row) == reference_record(history, EXTERNAL_ID, PRICES)
            assert {key: shown(step) for key, step in steps.items()} == reference_steps(history)
    return len(known)


def test_every_small_history_is_the_same_in_every_order() -> None:
    assert arrive_in_every_order(INTERESTING, depth=4) == 1 + 15 + 105 + 455 + 1365


def test_contradictions_are_the_same_in_every_order() -> None:
    assert arrive_in_every_order(CONTRADICTORY, depth=6) == 2**7 - 1


@given(arrivals())
@settings(deadline=None)
def test_what_caps_leave_is_what_the_rules_say_whatever_the_order(arrival: Arrival) -> None:
    memory = Memory(caps=TIGHT)
    for batch in arrival.batches:
        memory.record(batch)
    assert memory.row is not None
    assert shown(memory.row) == reference_record(memory.log.values(), EXTERNAL_ID, PRICES, TIGHT._asdict())
    assert loaded(memory.row.fold).caps == TIGHT


@pytest.mark.parametrize("type_", SAYINGS)
def test_histories_say_what_the_contract_reads(type_: str) -> None:
    """A value that the contract drops would weaken the properties without a word."""
    for name, values in SAYINGS[type_].items():
        for value in values:
            is_of_step = type_.startswith("step.") and name in factories.OF_THE_STEP
            said = {name: value} if not is_of_step else {}
            step = {"step": {"id": "draft", **({name: value} if is_of_step else {})}} if "step." in type_ else {}
            data: Any = factories.event(type_, {**said, **step}).data
            if type_ != "agent.thinking":
                assert getattr(data.step if is_of_step else data, name) is not None
