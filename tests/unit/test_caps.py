"""How much one execution holds of what its events say."""

import json
from collections.abc import Sequence
from typing import Any

from execledger_contracts.events import Event
from execledger_lifecycle import Caps, ExecutionFold, ExecutionRecord, StepFolds, enter, execution_record, explain, fold
from factories import finished, llm_called, nth_id, started, step_started

CAPS = Caps(labels=2, tags=2, metadata_bytes=24, agents=2)


def folded(*events: Event, caps: Caps | None = CAPS) -> ExecutionFold:
    execution = ExecutionFold(caps=caps)
    fold(execution, StepFolds(), sorted((enter(e, e.id) for e in events), key=lambda entry: entry.key))
    return execution


def record(*events: Event, caps: Caps | None = CAPS) -> ExecutionRecord:
    return execution_record(folded(*events, caps=caps), "run-1")


def said(*data: dict[str, Any]) -> Sequence[Event]:
    return [started(at=n, event_id=nth_id(n), **each) for n, each in enumerate(data)]


def test_nothing_is_capped_that_fits() -> None:
    shown = record(*said({"labels": {"a": "1", "b": "2"}, "tags": ["b", "a"], "metadata": {"a": 1}}))
    assert (shown.capped, json.loads(shown.tags or "")) == (None, ["b", "a"])


def test_the_labels_stay_whose_keys_come_first_by_their_bytes() -> None:
    shown = record(*said({"labels": {"ü": "1", "b": "1"}}, {"labels": {"z": "1", "a": "1"}}, {"labels": {"b": "2"}}))
    assert json.loads(shown.labels or "") == {"a": "1", "b": "2"}
    assert json.loads(shown.capped or "") == ["labels"]


def test_what_was_left_out_is_said_as_long_as_it_is() -> None:
    assert json.loads(record(*said({"tags": ["c", "b", "a", "c"]})).tags or "") == ["b", "a"]
    assert json.loads(record(*said({"tags": ["c", "b", "a"]})).capped or "") == ["tags"]
    assert record(*said({"tags": ["c", "b", "a"]}, {"tags": ["c"]})).capped is None


def test_of_metadata_as_many_members_stay_as_fit_together() -> None:
    shown = record(*said({"metadata": {"b": "12345", "a": "1"}}, {"metadata": {"c": "12345"}}))
    assert json.loads(shown.metadata or "") == {"b": "12345", "a": "1"}
    assert json.loads(shown.capped or "") == ["metadata"]


def test_agents_are_counted_as_far_as_they_are_held() -> None:
    calls = [llm_called(at=n, event_id=nth_id(n), agent_id=f"agent {n}") for n in range(5)]
    shown = record(*calls)
    assert (shown.agents_used, json.loads(shown.capped or "")) == (2, ["agents"])
    assert list(folded(*calls).agents) == ["agent 0", "agent 1"]


def test_no_step_and_no_ending_is_dropped() -> None:
    steps = [step_started(at=n, event_id=nth_id(n), step_id=f"step {n}") for n in range(5)]
    shown = record(*steps, finished(at=9, event_id=nth_id(9)))
    assert (shown.total_steps, shown.status, shown.capped) == (5, "completed", None)


def test_a_fold_keeps_the_caps_that_held() -> None:
    text = folded(*said({"labels": {"a": "1"}})).dump()
    assert (loaded := ExecutionFold.load(text)) is not None
    assert loaded.caps == CAPS


def test_what_caps_cut_nobody_decided() -> None:
    events = said({"labels": {"a": "1", "b": "1"}}, {"labels": {"c": "1"}})
    explained = explain([enter(e, e.id) for e in events], record(*events)._asdict())
    assert explained.fields["labels"].event_id == events[0].id
