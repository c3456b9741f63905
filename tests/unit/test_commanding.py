"""Which commands a batch calls for: a limit passed says so once, and nothing is said to what has ended."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.control import Cancel, Command, Halt, Warn
from execledger_contracts.events import IMPORT_SOURCE, Event
from execledger_lifecycle import Entry, ExecutionRecord, enter
from execledger_recorder.rules.commands import PassedLimit, commands, halt
from factories import cancel_requested, finished, llm_called, moment, started, step_started, watchdog_ended
from histories import arrivals, records

SHARE = Decimal("0.8")


def in_batches(*batches: Iterable[Event]) -> list[list[Command]]:
    """The commands of each batch, as a recorder that records them one after the other sends them: each halt once."""
    given_out: list[list[Command]] = []
    halted: set[str] = set()
    known: dict[str, Event] = {}
    before: ExecutionRecord | None = None
    for batch in batches:
        fresh = {event.id: event for event in reversed(list(batch)) if event.id not in known}
        known |= fresh
        after, _ = records(known.values())
        called_for = commands(("acme", "run-1"), before, after, entries(fresh.values()), SHARE)
        given_out.append([command for command in called_for if command.id not in halted])
        halted |= {command.id for command in called_for if isinstance(command, Halt)}
        before = after
    return given_out


def entries(events: Iterable[Event]) -> list[Entry]:
    return [enter(event, event.id) for event in events]


def called(tokens: int, **said: Any) -> Event:
    return llm_called(prompt_tokens=tokens, **said)


def limited(tokens: int = 100, **said: Any) -> Event:
    return started(budget={"token_limit": tokens, "cost_limit_usd": "1.50"}, **said)


def kinds(given_out: Sequence[Command]) -> list[str]:
    return [command.type.removeprefix("execution.") for command in given_out]


def test_a_limit_that_is_passed_halts_once_and_is_warned_of_before() -> None:
    calls = [called(79, at=1), called(1, at=2), called(20, at=3), called(1, at=4), called(500, at=5)]
    given_out = in_batches([limited()], *([call] for call in calls))
    assert [kinds(each) for each in given_out] == [[], [], ["warning"], [], ["halt"], []]


def test_one_batch_calls_for_what_its_events_one_by_one_call_for() -> None:
    (given_out,) = in_batches([limited(), called(90, at=1), called(11, at=2)])
    assert kinds(given_out) == ["warning", "halt"]


def test_a_halt_says_what_was_passed_and_by_how_much() -> None:
    ((_, halt),) = in_batches([limited(root_execution_id="root"), called(170, at=1), called(3, at=2)])
    assert isinstance(halt, Halt)
    assert halt.model_dump(mode="json", exclude_none=True) == {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, "execledger:execution.halt:acme:run-1:1:tokens:execution:100")),
        "source": "execledger:recorder",
        "type": "execution.halt",
        "subject": "run-1",
        "time": "2026-03-01T12:00:02Z",
        "tenantid": "acme",
        "attempt": 1,
        "partitionkey": "root",
        "data": {
            "reason": "the token limit of the execution is passed",
            "limit": {"kind": "tokens", "scope": "execution", "value": 100, "consumed": 173},
        },
    }


def test_money_has_a_limit_of_its_own() -> None:
    near, passed = llm_called(cost_usd="1.20", at=1), llm_called(cost_usd="0.300000001", at=2)
    _, (warning,), (halt,) = in_batches([limited()], [near], [passed])
    assert isinstance(warning, Warn)
    assert warning.data.model_dump(mode="json")["limit"]["consumed"] == "1.2"
    assert halt.model_dump(mode="json")["data"]["limit"] == {
        "kind": "cost_usd",
        "scope": "execution",
        "value": "1.5",
        "consumed": "1.500000001",
    }


def test_a_new_attempt_is_told_of_its_own() -> None:
    again = started(at=2, attempt=2)
    _, (_, first), (_, second) = in_batches([limited()], [called(200, at=1)], [again])
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.id != second.id


def test_nothing_is_said_to_an_execution_that_has_ended() -> None:
    everything = [limited(), called(200, at=1), cancel_requested(at=2), finished(at=3)]
    assert in_batches(everything, [called(1000, at=1), cancel_requested(at=4)]) == [[], []]


def test_an_ending_by_the_watchdog_is_none() -> None:
    _, given_out = in_batches([limited(), watchdog_ended(at=9)], [called(200, at=1), cancel_requested(at=2)])
    assert kinds(given_out) == ["warning", "halt", "cancel"]


@pytest.mark.parametrize("source", [IMPORT_SOURCE, f"{IMPORT_SOURCE}:table"])
def test_nothing_is_said_about_imported_history(source: str) -> None:
    imported = [limited(source=source), called(200, at=1, source=source), cancel_requested(at=2, source=source)]
    assert in_batches(imported) == [[]]


def test_imported_history_that_goes_on_live_beyond_its_budget_is_halted() -> None:
    imported = [limited(source=IMPORT_SOURCE), called(200, at=1, source=IMPORT_SOURCE)]
    none, (halt,), again = in_batches(imported, [step_started(at=2)], [called(1, at=3)])
    assert (none, kinds([halt]), again) == ([], ["halt"], [])


def test_a_source_that_only_begins_like_the_importers_is_live() -> None:
    (given_out,) = in_batches([limited(source="execledger:importer"), called(200, at=1, source="execledger:importer")])
    assert kinds(given_out) == ["warning", "halt"]


def test_every_request_to_cancel_is_handed_on_once() -> None:
    first, second = (cancel_requested(requested_by=who, reason="enough", at=at) for at, who in ((2, "ann"), (3, "bob")))
    given_out = in_batches([started(at=1), first], [second, first])
    assert [[command.model_dump()["data"] for command in each] for each in given_out] == [
        [{"reason": "enough", "requested_by": "ann"}],
        [{"reason": "enough", "requested_by": "bob"}],
    ]
    name = f"execledger:execution.cancel:acme:run-1:1:{first.id}"
    assert given_out[0][0].id == str(uuid5(NAMESPACE_URL, name))


def test_figures_that_no_message_can_hold_are_said_as_the_largest() -> None:
    most, dearest = 2**63 - 1, "1000000000"
    calls = [llm_called(prompt_tokens=most, cost_usd=dearest, at=at) for at in (1, 2, 3)]
    ((_, tokens, _, cost),) = in_batches([limited(), *calls])
    consumed = [halt.model_dump(mode="json")["data"]["limit"]["consumed"] for halt in (tokens, cost)]
    assert consumed == [most, dearest]


def test_a_daily_halt_names_whose_day_it_is() -> None:
    passed = PassedLimit("acme", "run-1", 2, "root", "tokens", "owner", date(2026, 3, 1), Decimal(10), Decimal(12))
    said = halt(passed, moment(0))
    assert said.id == str(uuid5(NAMESPACE_URL, "execledger:execution.halt:acme:run-1:2:tokens:owner:2026-03-01:10"))
    assert said.data.reason == "the token limit of the owner on 2026-03-01 is passed"
    assert said.model_dump(mode="json")["data"]["limit"] == {
        "kind": "tokens",
        "scope": "owner",
        "value": 10,
        "consumed": 12,
    }


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(1, 2)), max_size=12).flatmap(
        lambda said: st.tuples(st.just(said), st.sets(st.integers(1, len(said) + 2), max_size=4))
    )
)
def test_a_limit_is_passed_once_in_an_attempt_whatever_the_batches(
    drawn: tuple[list[tuple[int, bool, int]], set[int]],
) -> None:
    said, cuts = drawn
    steps = [
        step_started(at=at, attempt=attempt) if is_step else called(tokens, at=at, attempt=attempt)
        for at, (tokens, is_step, attempt) in enumerate(said)
    ]
    history = [limited(), *steps]
    places = [0, *sorted(cut for cut in cuts if cut < len(history)), len(history)]
    given_out = in_batches(*(history[low:high] for low, high in itertools.pairwise(places)))
    halts = [command for each in given_out for command in each if isinstance(command, Halt)]
    assert max(Counter((halt.attempt, halt.data.limit.kind) for halt in halts).values(), default=0) <= 1
    final, _ = records(history)
    if final.total_tokens > 100:  # it stayed open, so whoever stood there last was told
        assert final.attempt in {halt.attempt for halt in halts}


@given(arrivals())
def test_whatever_happens_commands_fit_the_record(arrival: Any) -> None:
    known: dict[str, Event] = {}
    for batch, given_out in zip(arrival.batches, in_batches(*arrival.batches), strict=True):
        known |= {event.id: event for event in reversed(batch) if event.id not in known}
        after, _ = records(known.values())
        for command in given_out:
            assert after.ended_at is None or after.provisional
            assert command.attempt == after.attempt
            if isinstance(command, Halt):
                assert Decimal(command.data.limit.consumed) > Decimal(command.data.limit.value)
            if isinstance(command, Cancel):
                assert any(event.type.endswith("cancel_requested") for event in batch)
