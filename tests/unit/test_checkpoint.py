"""Which older states of a long fold are kept, and what a late event costs with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.events import Event
from execledger_recorder.rules import checkpoint
from execledger_recorder.rules.checkpoint import EVERY, kept
from factories import llm_called, nth_id, progressed, started, step_finished, step_started
from memory import Memory, key_of


@given(st.integers(0, 400), st.integers(0, 400))
def test_what_is_dropped_is_never_wanted_again(earlier: int, more: int) -> None:
    newest = earlier + more
    assert {each for each in kept(newest * EVERY) if each <= earlier * EVERY} <= {*kept(earlier * EVERY)}


@pytest.mark.parametrize("behind", [17_000, 17_001, 33_000, 33_001])  # just behind where a round number is too near
def test_that_holds_where_kept_ones_lie_furthest_apart(behind: int) -> None:
    for newest in range(35 * EVERY, 200 * EVERY, EVERY):
        found = max((each for each in kept(newest) if each <= newest - behind), default=0)
        assert newest - found <= 2 * behind + 2 * EVERY


@given(st.integers(1, 1_000_000), st.data())
def test_a_late_event_finds_one_not_much_further_back_than_it_is_itself(newest: int, data: st.DataObject) -> None:
    behind = data.draw(st.integers(0, newest))
    found = max((each for each in kept(newest) if each <= newest - behind), default=0)
    assert newest - found <= 2 * behind + 2 * EVERY


def test_there_are_few() -> None:
    assert len(kept(1_000_000)) < 25


def long_execution(events: int) -> list[Event]:
    """One that started, and has a step after the other, each with its call."""
    told: list[Event] = [started(at=0, event_id=nth_id(0))]
    for n in range(1, events, 3):
        told += [
            step_started(f"step {n}", at=n, event_id=nth_id(n)),
            llm_called(at=n + 1, event_id=nth_id(n + 1)),
            step_finished(f"step {n}", at=n + 2, event_id=nth_id(n + 2)),
        ]
    return told


def polling(events: int) -> list[Event]:
    """One step that is tried again and again."""
    begun: list[Event] = [step_started("poll", at=n, event_id=nth_id(n)) for n in range(0, events, 2)]
    return sorted(
        [*begun, *(step_finished("poll", "failed", at=n, event_id=nth_id(n)) for n in range(1, events, 2))],
        key=lambda event: event.time,
    )


@pytest.mark.parametrize("behind", [2, 3, 500])
def test_a_late_event_of_a_step_with_very_many_tries_has_little_folded_again(behind: int) -> None:
    told = polling(6000)
    late = told.pop(-behind)
    memory = Memory()
    for start in range(0, len(told), 700):
        memory.record(told[start : start + 700])
    change = memory.record([late])
    assert change is not None
    assert memory.read_of_log <= 2 * behind + 2 * EVERY
    assert change.record == memory.fold_log().record
    assert {key: memory.steps[key] for key in memory.steps} == {key_of(step): step for step in memory.fold_log().steps}


@pytest.mark.parametrize("behind", [2, 500, 1500])
def test_a_late_event_of_a_long_execution_has_little_folded_again(behind: int) -> None:
    told = long_execution(6000)
    late = told.pop(-behind)
    memory = Memory()
    for start in range(0, len(told), 700):
        memory.record(told[start : start + 700])
    assert memory.asked_for_log == 0
    change = memory.record([late])
    assert change is not None
    assert (memory.asked_for_log, change.is_refolded) == (1, True)
    assert memory.read_of_log <= 2 * behind + 2 * EVERY
    assert change.record == memory.fold_log().record
    assert len(change.steps) <= memory.read_of_log


def test_an_event_of_a_step_that_had_ended_before_the_checkpoint_goes_on_from_its_row() -> None:
    told = long_execution(4000)
    memory = Memory()
    memory.record(told)
    for at in (3990.5, 3989.5):
        change = memory.record([step_started("step 1", at=at, event_id=nth_id(9000 + int(at)))])
        assert change is not None
        assert change.record == memory.fold_log().record
        assert [step.try_number for step in change.steps if step.step_id == "step 1"] == [2, 1]


def test_one_that_something_came_for_since_has_all_of_it_folded_again() -> None:
    told = long_execution(4000)
    memory = Memory()
    memory.record([*told, step_finished("step 1", at=4000, output=1, event_id=nth_id(9000))])
    assert memory.read_of_log == 0
    change = memory.record([step_finished("step 1", at=3990.5, duration_ms=1, event_id=nth_id(9001))])
    assert change is not None
    assert (change.record, change.steps) == (memory.fold_log().record, memory.fold_log().steps)
    assert memory.read_of_log >= len(told)


def test_with_very_many_open_steps_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_MOST_OPEN", EVERY)
    told = [step_started(f"step {n}", at=n, event_id=nth_id(n)) for n in range(3000)]
    memory = Memory()
    memory.record(told)
    assert checkpoint.kept(3000) == [1000, 2000, 3000]
    assert [*memory.checkpoints] == [1000]


def test_one_event_of_the_future_has_not_all_folded_again_though_thousands_of_steps_are_open() -> None:
    memory = Memory()
    memory.record([step_started(f"step {n}", at=n, event_id=nth_id(n)) for n in range(2500)])
    memory.record([progressed(at=80_000, event_id=nth_id(9001))])
    for start in range(2500, 6500, 500):
        before = memory.read_of_log
        memory.record([llm_called(at=n, event_id=nth_id(n)) for n in range(start, start + 500)])
        assert memory.read_of_log - before <= 2 * EVERY
    assert memory.row == memory.fold_log().record


def test_one_that_a_late_event_has_a_part_in_is_void_though_it_is_not_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = [step_started(f"step {n}", at=n, event_id=nth_id(n)) for n in range(1, EVERY)]
    memory = Memory()
    monkeypatch.setattr(checkpoint, "_MOST_OPEN", EVERY - 2)
    memory.record([*steps, step_finished("step 1", at=EVERY, event_id=nth_id(EVERY))])
    assert [*memory.checkpoints] == [EVERY]
    memory.record([step_started("late", at=0, event_id=nth_id(9001))])  # with it more are open after so many events
    assert memory.checkpoints == {}
