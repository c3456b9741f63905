"""The demo's traffic: deterministic, readable but for the garbage, and with the mix that it promises."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from execledger.demo.garbage import garbage
from execledger.demo.traffic import Example, Traffic, simulate
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode
from execledger_contracts.events import Event

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return simulate(seed=1, until=NOW)


@pytest.fixture(scope="module")
def read(traffic: Traffic) -> list[Decoded | Undecodable]:
    return [decode(value, headers, NOW_MS) for _, value, headers in traffic.records]


@pytest.fixture(scope="module")
def histories(read: list[Decoded | Undecodable]) -> dict[Example, list[Event]]:
    found: dict[Example, list[Event]] = defaultdict(list)
    for result in read:
        if isinstance(result, Decoded):
            found[Example(result.event.tenantid, result.event.subject)].append(result.event)
    return found


def test_the_same_seed_gives_the_same_records_and_another_one_others() -> None:
    first, second, other = (simulate(seed=seed, until=NOW, executions=100) for seed in (7, 7, 8))
    assert first == second
    assert first.records != other.records


def test_there_is_as_much_of_it_as_promised(traffic: Traffic) -> None:
    assert 25_000 <= len(traffic.records) <= 30_000
    assert 1_900 <= traffic.facts.executions <= 2_100


def test_the_facts_are_what_decoding_finds(traffic: Traffic, read: list[Decoded | Undecodable]) -> None:
    facts = traffic.facts
    decoded = [result for result in read if isinstance(result, Decoded)]
    dead = Counter(result.reason for result in read if isinstance(result, Undecodable))
    seen: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for result in decoded:
        event = result.event
        seen[event.tenantid, event.subject, result.event_id].add(result.digest)
    assert facts.records == len(read)
    assert facts.events == len(seen)
    assert facts.duplicates == len(decoded) - len(seen)
    assert facts.conflicts == sum(len(digests) > 1 for digests in seen.values())
    assert facts.executions == len({(tenant, subject) for tenant, subject, _ in seen})
    assert facts.dead_letters == dead
    assert facts.records == facts.events + facts.duplicates + sum(dead.values())
    assert min(facts.duplicates, facts.conflicts, facts.out_of_order, facts.missing) > 0


def test_the_garbage_covers_every_reason_that_a_producer_can_cause(traffic: Traffic) -> None:
    beyond_a_producer = {Reason.TOO_LARGE, Reason.UNSTORABLE, Reason.FORBIDDEN}
    assert traffic.facts.dead_letters.keys() == set(Reason) - beyond_a_producer


def test_each_piece_of_garbage_dies_for_the_reason_it_says() -> None:
    for reason, (_, value, headers) in garbage(NOW):
        result = decode(value, headers, NOW_MS)
        assert isinstance(result, Undecodable), value
        assert result.reason is reason, result


def test_events_lie_in_the_last_hour_and_none_is_ahead(histories: dict[Example, list[Event]]) -> None:
    times = [event.time for events in histories.values() for event in events]
    assert NOW - timedelta(hours=1) <= min(times)
    assert max(times) <= NOW


def test_all_records_of_a_family_have_one_key(traffic: Traffic, read: list[Decoded | Undecodable]) -> None:
    keys: dict[tuple[str, str], set[bytes | None]] = defaultdict(set)
    for (key, _, _), result in zip(traffic.records, read, strict=True):
        if isinstance(result, Decoded):
            keys[result.event.tenantid, result.event.subject].add(key)
    assert all(len(found) == 1 for found in keys.values())


def test_five_orchestrators_speak_in_their_own_words(histories: dict[Example, list[Event]]) -> None:
    events = [event for events in histories.values() for event in events]
    assert len({event.source for event in events}) == 5
    assert {"flow", "task", "workflow", "run", "execution", "step", "phase", "action", "node", "agent"} <= {
        event.type.partition(".")[0] for event in events
    }
    assert {"succeeded", "canceled", "timeout"} <= {event.type.partition(".")[2] for event in events}


def test_there_are_retries_children_and_executions_without_start_or_end(
    histories: dict[Example, list[Event]],
) -> None:
    types = {example: {canonical(event) for event in events} for example, events in histories.items()}
    retried = [events for events in histories.values() if max(event.attempt for event in events) > 1]
    children = [events for events in histories.values() if any(parent_of(event) for event in events)]
    without_start = [found for found in types.values() if "execution.started" not in found]
    without_end = [found for found in types.values() if not found & ENDINGS]
    assert len(retried) > 20
    assert len(children) > 200
    assert len(without_start) > 10
    assert len(without_end) > 10


def test_the_examples_are_what_they_are_called(traffic: Traffic, histories: dict[Example, list[Event]]) -> None:
    facts = traffic.facts
    killed, cancelled = histories[facts.killed_by_budget], histories[facts.cancelled]
    assert killed[-1].data.killed_by_budget is True  # type: ignore[union-attr]
    assert canonical(cancelled[-1]) == "execution.cancelled"
    assert canonical(histories[facts.retried][-1]) == "execution.completed"
    assert max(event.attempt for event in histories[facts.retried]) == 2
    assert any(canonical(event) == "step.skipped" for event in histories[facts.skipped])
    in_loop = histories[facts.failed_in_loop]
    (failed,) = [event for event in in_loop if canonical(event) == "step.failed"]
    step = failed.data.step  # type: ignore[union-attr]
    assert (step.name, step.iteration, step.total_items) == ("extract", 2, 3)
    assert canonical(in_loop[-1]) == "execution.failed"
    open_nodes = [event for event in cancelled if canonical(event) == "step.started"]
    ended_nodes = [event for event in cancelled if canonical(event) == "step.completed"]
    assert len(open_nodes) == len(ended_nodes) + 1


ENDINGS = {"execution.completed", "execution.failed", "execution.cancelled", "execution.timed_out"}


def canonical(event: Event) -> str:
    return event.type if event.canonical == "other" else event.canonical


def parent_of(event: Event) -> str | None:
    return getattr(event.data, "parent_execution_id", None)
