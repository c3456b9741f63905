"""Whatever the batches, the changes leave what one fold of the log gives, and every record has its outcome."""

from collections.abc import Iterable, Iterator, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.events import Event
from execledger_lifecycle import Caps
from execledger_recorder.rules import checkpoint
from execledger_recorder.rules.change import Change
from factories import finished, llm_called, nth_id, started, step_finished, step_started
from histories import Arrival, arrivals, in_order
from memory import Memory, contents, priced

damages = st.lists(st.sampled_from(["", "", "", "row", "outdated row", "a step"]), min_size=5, max_size=5)


@pytest.fixture(autouse=True, scope="module")
def _prices() -> Iterator[None]:
    with priced():
        yield


def recorded(
    batches: Iterable[Sequence[Event]], damages: Iterable[str] = (), caps: Caps | None = None
) -> tuple[Memory, list[Change]]:
    """What is recorded, and the changes that it took; before each batch something may be damaged."""
    memory, changes = Memory(caps=caps), list[Change]()
    damage = iter(damages)
    for batch in batches:
        memory.damage(next(damage, ""))
        if (change := memory.record(batch)) is not None:
            changes.append(change)
    return memory, changes


@given(arrivals(), damages)
def test_changes_leave_what_a_fold_of_the_log_gives(arrival: Arrival, damages: list[str]) -> None:
    memory, changes = recorded(arrival.batches, damages)
    assert contents(changes) == contents([memory.fold_log()])


@given(arrivals(), damages, st.integers(1, 4))
def test_checkpoints_change_nothing(arrival: Arrival, damages: list[str], every: int) -> None:
    without, plain = recorded(arrival.batches, damages)
    with patch.object(checkpoint, "EVERY", every):
        memory, changes = recorded(arrival.batches, damages)
    assert contents(changes) == contents(plain)
    assert memory.verdicts == without.verdicts
    for version, (head, state) in memory.checkpoints.items():
        held = checkpoint.read(checkpoint.head_of(version, head), state)
        assert held is not None
        assert len([entry for entry in in_order(memory.log.values()) if entry.key <= held.head]) == version
        assert held.version == version


@given(arrivals(), damages)
def test_caps_are_those_that_held_when_the_row_was_made(arrival: Arrival, damages: list[str]) -> None:
    memory, changes = recorded(arrival.batches, damages, Caps(1, 1, 12, 1))
    assert contents(changes) == contents([memory.fold_log()])


@given(arrivals(), damages)
def test_batches_decide_nothing(arrival: Arrival, damages: list[str]) -> None:
    memory, changes = recorded(arrival.batches, damages)
    at_once, (change,) = recorded([arrival.stream])
    assert contents(changes) == contents([change])
    assert memory.verdicts == at_once.verdicts
    assert [each.reason for each in memory.duplicates] == [each.reason for each in at_once.duplicates]
    assert len(memory.log) + len(memory.duplicates) == len(arrival.stream)


@given(arrivals())
def test_what_is_folded_again_stays_as_it_is(arrival: Arrival) -> None:
    memory, changes = recorded(arrival.batches)
    again = memory.refold()
    assert again is not None
    assert (again.is_refolded, again.is_relabelled, again.commands) == (True, False, ())
    heard = again._replace(heard_at=changes[-1].heard_at)  # it was not heard again, and the row keeps the latest
    assert contents([*changes, heard]) == contents(changes)


def test_the_log_is_asked_for_only_when_an_event_lies_behind_or_a_fold_is_damaged() -> None:
    first, step, call, ending = (
        started(at=0, event_id=nth_id(1)),
        step_started("draft", at=1, event_id=nth_id(2)),
        llm_called(at=2, event_id=nth_id(3)),
        finished("completed", at=3, event_id=nth_id(4)),
    )
    memory, _ = recorded([[first, step], [call], [ending]])
    assert memory.asked_for_log == 0
    memory, _ = recorded([[first, step], [ending], [call]])
    assert memory.asked_for_log == 1
    memory, _ = recorded([[first, step], [call], [ending]], ["", "row", "a step"])
    assert memory.asked_for_log == 2


def test_an_attempt_that_begins_late_takes_over_what_was_recorded() -> None:
    told = [
        started(at=0, event_id=nth_id(1)),
        step_started("draft", at=2, attempt=2, event_id=nth_id(2)),
        llm_called(at=3, attempt=2, prompt_tokens=5, event_id=nth_id(3)),
        finished("failed", at=1, usage={"prompt_tokens": 1}, event_id=nth_id(4)),
    ]
    memory, changes = recorded([told])
    assert [key[2] for key in memory.steps] == [1]
    assert changes[-1].record.prompt_tokens == 1
    memory.record([started(at=4, attempt=2, event_id=nth_id(5))])
    assert [key[2] for key in memory.steps] == [2]
    assert memory.row == memory.fold_log().record
    assert memory.row.prompt_tokens == 6


def test_a_try_that_there_is_no_longer_has_no_row() -> None:
    memory, _ = recorded(
        [
            [step_finished("draft", at=2, event_id=nth_id(1)), step_started("draft", at=3, event_id=nth_id(2))],
            [step_started("draft", at=1, try_number=5, event_id=nth_id(3))],
        ]
    )
    assert {key[3] for key in memory.steps} == {5, 6}
