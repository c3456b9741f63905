"""Who decided each kind of field, and each rule by which an event is not applied: one example each."""

from collections.abc import Sequence
from typing import Any

import pytest

from execledger_contracts.events import Event
from execledger_lifecycle import Explanation, NotApplied, enter, execution_record, explain
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
from histories import EXTERNAL_ID, folded


@pytest.mark.parametrize(
    ("field", "history", "decider"),
    [
        ("status", [created(), started(at=1), step_started(at=2)], 1),
        ("status", [cancel_requested(), created(at=1)], 0),
        ("status", [other(), created(at=1)], 1),
        ("status", [other(), other(at=1)], 0),
        ("status", [started(), finished("failed", at=2), finished("failed", at=1)], 2),
        ("status", [started(), watchdog_ended(at=1), progressed(at=2)], 0),  # as if it had never been
        ("status", [finished(), created(attempt=2, at=1), cancel_requested(attempt=2, at=0.5)], 1),
        ("attempt", [started(), step_started(attempt=2, at=1), started(attempt=2, at=2)], 2),
        ("attempt", [step_started()], None),  # nobody said so
        ("paused_at", [started(), paused(at=1), paused(at=2)], 2),
        ("paused_at", [started(), paused(at=1), resumed(at=2)], None),
        ("paused_at", [started(), paused(at=1), finished(at=2)], None),
        ("waiting_for", [started(), paused(waiting_for="ann", at=1)], 1),
        ("created_at", [created(at=1), created(at=0, attempt=2)], 1),
        ("created_at", [other(), started(at=1)], 1),
        ("created_at", [other(at=1), other()], 1),
        ("started_at", [llm_called(at=-1), started(at=1), started(at=2)], 1),
        ("started_at", [step_started(at=1), llm_called(at=2)], 0),
        ("started_at", [finished(duration_ms=5), step_started(at=1)], None),  # derived: the end less what it took
        ("ended_at", [finished(at=1), finished(at=2)], 0),
        ("duration_ms", [started(), finished(at=1)], None),
        ("duration_ms", [started(), finished(at=1), finished(duration_ms=9, at=2)], 2),
        ("error", [finished("failed", error={"message": "a"}), finished("failed", error={"message": "b"}, at=1)], 0),
        ("cancel_requested_at", [cancel_requested(at=1), cancel_requested(at=2)], 0),
        ("owner", [created(owner={"id": "ann"}), started(owner={"id": "ann"}, at=1), created(at=2)], 1),
        ("tags", [created(tags=["a"]), started(tags=[], at=1)], 1),
        ("labels", [created(labels={"a": "1"}), started(labels={"b": "2"}, at=1), started(labels={}, at=2)], 1),
        ("metadata", [created(metadata={"a": 1}), finished(metadata={"a": 1}, at=1)], 1),
        ("traceparent", [started(traceparent="00-1"), step_started(traceparent="00-2", at=1)], 0),
        ("root_execution_id", [started()], None),  # its own id, by default
        ("total_steps", [started(total_steps=3), progressed(total_steps=3, at=1)], 1),
        ("total_steps", [step_started()], None),
        ("progress_percent", [progressed(progress_percent=70)], 0),
        ("progress_percent", [progressed(progress_percent=70), finished(at=1)], None),  # 100: it has completed
        ("usage.prompt_tokens", [llm_called(prompt_tokens=5), finished(usage={"prompt_tokens": 7}, at=1)], 1),
        ("usage.prompt_tokens", [llm_called(prompt_tokens=5)], None),
        ("usage.prompt_tokens", [finished(usage={"prompt_tokens": 7}), llm_called(prompt_tokens=5, attempt=2)], 0),
        (
            "usage.prompt_tokens",
            [finished(usage={"prompt_tokens": 7}), llm_called(prompt_tokens=5, attempt=2), started(attempt=2)],
            None,
        ),
        ("usage.cost_usd", [finished(usage={"cost_usd": "0.25"}), started(attempt=2)], 0),
        ("usage.total_tokens", [finished(usage={"prompt_tokens": 7})], None),
        ("tools_invoked", [finished(tools_invoked=4), finished(tools_invoked=0, attempt=2)], None),  # a sum of two
        ("tools_invoked", [tool_called(), finished(tools_invoked=4, at=1)], 1),
        ("agents_used", [step_started(agent_id="a")], None),
        ("killed_by_budget", [finished("cancelled", killed_by_budget=False)], 0),
        (
            "killed_by_budget",
            [
                created(budget={"token_limit": 1}),
                llm_called(prompt_tokens=2, at=1),
                finished("cancelled", killed_by_budget=False, at=2),
            ],
            None,
        ),
    ],
)
def test_a_field_is_decided_by(field: str, history: Sequence[Event], decider: int | None) -> None:
    fields = explained(history).fields
    assert (fields[field].event_id if field in fields else None) == (None if decider is None else history[decider].id)


@pytest.mark.parametrize(
    ("reason", "history", "which"),
    [
        (NotApplied.UNKNOWN, [started(), other(at=1)], 1),
        (NotApplied.OLDER, [created(), started(at=1), started(attempt=2, at=2)], 1),
        (NotApplied.OLDER, [created(), step_finished(at=1), started(attempt=2, at=2)], 1),
        (None, [created(), step_finished(at=1, attempt=2)], 1),
        (NotApplied.OLDER, [created(), finished("failed", at=1), started(attempt=2, at=2)], 1),
        (None, [created(owner={"id": "ann"}), started(attempt=2, at=2)], 0),
        (None, [created(), llm_called(at=1), started(attempt=2, at=2)], 1),
        (NotApplied.AFTER, [finished("failed"), finished(at=1)], 1),
        (NotApplied.AFTER, [finished(), finished(at=1)], 1),
        (NotApplied.AFTER, [finished(), watchdog_ended(at=1)], 1),
        (NotApplied.AFTER, [finished("failed"), finished(at=1), started(attempt=2, at=2)], 1),
        (NotApplied.AFTER, [step_finished(), step_finished(status="failed", at=1)], 1),
        (NotApplied.AFTER, [started(), started(at=1)], 1),
        (NotApplied.AFTER, [cancel_requested(), cancel_requested(at=1)], 1),
        (NotApplied.AFTER, [started(), finished(at=1), progressed(progress_percent=70, at=2)], 2),
        (None, [finished(), finished(duration_ms=1, at=1)], 1),
        (None, [step_finished(), step_finished(at=1)], 1),
        (None, [created(), started(at=1), started(query="a", at=2), started(query="b", at=3)], 2),
        (None, [started(), progressed(total_steps=1, at=1), progressed(total_steps=1, at=2)], 1),
        (None, [started(), progressed(progress_percent=70, at=1), finished(at=2)], 1),
        (None, [step_finished(status="failed"), step_started(at=1), step_finished(at=2)], 2),
        (NotApplied.OWNER, [created(owner={"id": "a"}), started(owner={"id": "b"}, source="/b", query="q", at=1)], 1),
        (None, [created(owner={"id": "a"}), started(owner={"id": "b"}, at=1)], 0),
        (NotApplied.VOID, [started(), watchdog_ended(at=1), watchdog_ended(at=2), other(at=3)], 1),
        (NotApplied.VOID, [started(), watchdog_ended(at=1), watchdog_ended(at=2), llm_called(at=3)], 1),
        (NotApplied.VOID, [started(), watchdog_ended(at=1), watchdog_ended(at=2), llm_called(at=3)], 2),
        (None, [started(), watchdog_ended(at=1), cancel_requested(at=2)], 1),
        (None, [started(), progressed(at=1), progressed(at=2)], 1),  # a sign of life
    ],
)
def test_an_event_is_not_applied_because(reason: NotApplied | None, history: Sequence[Event], which: int) -> None:
    found = {event.entry.event_id: event.not_applied for event in explained(history).events}
    assert found[history[which].id] == reason


def test_those_who_said_a_label_that_stands_have_all_decided_the_labels() -> None:
    explanation = explained(
        [created(labels={"a": "1", "b": "1"}), started(labels={"b": "2"}, at=1), started(labels={"c": "3"}, at=2)]
    )
    assert ["labels" in event.decides for event in explanation.events] == [True, True, True]
    assert explanation.fields["labels"] == explanation.events[2].entry


def test_an_ending_that_adds_to_a_sum_has_decided_nothing_and_was_applied() -> None:
    first, repeated = finished(usage={"prompt_tokens": 7}), finished(usage={"prompt_tokens": 1}, attempt=2, at=2)
    explanation = explained([first, finished(attempt=2, at=1), repeated])
    assert "usage.prompt_tokens" not in explanation.fields
    assert [(event.decides, event.not_applied) for event in explanation.events[::2]] == [
        (["created_at"], None),
        ([], None),
    ]


def test_events_come_by_time_whatever_their_attempt() -> None:
    history = [started(at=2), started(at=1, attempt=2), started(at=1, attempt=2, sequence=0), finished(at=3)]
    found = [event.entry.event_id for event in explained(history).events]
    assert found == [history[1].id, history[2].id, history[0].id, history[3].id]


def notes(*history: Event) -> list[tuple[str, str, str]]:
    return [(note.field, note.entry.event_id, note.text) for note in explained(history).notes]


def test_an_end_before_the_start_is_a_disagreement_of_clocks() -> None:
    ended = finished(at=1)
    (note,) = notes(started(at=2), ended)
    assert note == ("duration_ms", ended.id, "it ended before it started: the clocks disagree")
    assert notes(started(at=1), finished(at=1)) == []


def test_a_part_that_is_larger_than_its_whole_has_no_price_and_explain_says_why() -> None:
    calls = [
        llm_called(completion_tokens=2, reasoning_tokens=989),
        llm_called(prompt_tokens=5, cached_tokens=1000),
        llm_called(cache_write_tokens=1),
        llm_called(prompt_tokens=5, input_audio_tokens=6),
        llm_called(completion_tokens=5, output_audio_tokens=6),
    ]
    assert [note[1:] for note in notes(*calls)] == [
        (calls[0].id, "no price is computed: 989 reasoning_tokens of 2 completion_tokens"),
        (calls[1].id, "no price is computed: 1000 cached_tokens of 5 prompt_tokens"),
        (calls[2].id, "no price is computed: 1 cache_write_tokens of no prompt_tokens"),
        (calls[3].id, "no price is computed: 6 input_audio_tokens of 5 prompt_tokens"),
        (calls[4].id, "no price is computed: 6 output_audio_tokens of 5 completion_tokens"),
    ]
    assert notes(llm_called(completion_tokens=2, reasoning_tokens=989, cost_usd="1")) == []
    assert notes(llm_called(prompt_tokens=5, cached_tokens=5)) == []


def explained(history: Sequence[Event]) -> Explanation:
    record: dict[str, Any] = execution_record(folded(history)[0], EXTERNAL_ID)._asdict()
    return explain([enter(event, event.id) for event in history], record)
