"""What make bench publishes can be decoded, and is what its cases say."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bench.cases import (
    BESIDE_COPY,
    QUICK,
    Publication,
    Sizes,
    agents,
    crowd,
    large_payloads,
    long_execution,
    many_steps,
    many_tenants,
    newest_first,
    usual,
)
from bench.events import Sent
from bench.growth import copied
from execledger_contracts.decoding import Decoded, decode

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = Sizes(events=2_600, steps=50, tenants=100, long=400, late=3, facts=240, agents=(12, 120), payloads=20)


def decoded(records: Iterable[Sent]) -> list[Decoded]:
    return [each for _, value in records if isinstance(each := decode(value), Decoded)]


@pytest.mark.parametrize("publication", [*BESIDE_COPY.values(), agents(12)])
def test_every_record_is_an_event_of_the_past_with_its_execution_as_key(publication: Publication) -> None:
    records = list(publication(SMALL, NOW))
    events = decoded(records)
    assert len(events) == len(records)
    assert [each.event.subject.encode() for each in events] == [key for key, _ in records]
    assert max(each.event.time for each in events) < NOW
    assert len({each.event_id for each in events}) == len(events)


def test_the_same_events_come_each_time() -> None:
    assert list(usual(SMALL, NOW)) == list(usual(SMALL, NOW))
    assert list(usual(SMALL, NOW)) != list(usual(SMALL, NOW, seed=2))


def test_the_mix_is_of_small_events_and_many_executions_at_once() -> None:
    records = list(usual(SMALL, NOW))
    assert len(records) == 2_600
    assert len({key for key, _ in records[:200]}) == 200
    assert all(700 < len(value) < 1_000 for _, value in records)


def test_newest_first_is_the_mix_in_reverse_of_each_execution() -> None:
    def by_execution(records: Iterable[Sent]) -> dict[bytes, list[bytes]]:
        told: dict[bytes, list[bytes]] = {}
        for key, value in records:
            told.setdefault(key, []).append(value)
        return told

    reverse = by_execution(newest_first(SMALL, NOW))
    assert {key: values[::-1] for key, values in reverse.items()} == by_execution(usual(SMALL, NOW))


def test_tenants_are_as_many_as_said() -> None:
    assert len({each.event.tenantid for each in decoded(many_tenants(SMALL, NOW))}) == 100


def test_one_execution_has_all_the_steps() -> None:
    events = decoded(many_steps(SMALL, NOW))
    assert len({each.event.subject for each in events}) == 1
    assert Counter(each.event.type for each in events) == {
        "execution.started": 1,
        "step.started": 50,
        "step.completed": 50,
        "execution.completed": 1,
    }


def test_agents_are_as_many_as_said() -> None:
    for distinct in SMALL.agents:
        facts = decoded(agents(distinct)(SMALL, NOW))[1:]
        assert len({getattr(each.event, "data").agent_id for each in facts}) == distinct  # noqa: B009


def test_payloads_are_large_and_below_what_is_cut() -> None:
    assert all(250_000 < len(value) < 262_144 for _, value in large_payloads(SMALL, NOW))


def test_late_events_are_of_the_middle_of_their_execution() -> None:
    stored, late = map(decoded, long_execution(SMALL, NOW))
    assert (len(stored), len(late)) == (400, 3)
    assert {each.event.subject for each in late} == {stored[0].event.subject}
    times = sorted(each.event.time for each in stored)
    middle = times[0] + (times[-1] - times[0]) / 2
    assert all(abs(each.event.time - middle) < timedelta(seconds=1) for each in late)


def test_of_a_crowd_every_other_event_of_the_long_execution_is_behind_the_one_before() -> None:
    sizes = replace(SMALL, crowd=40)
    stored, coming = map(decoded, crowd(sizes, NOW, 40, 50))
    own, others = coming[::2], coming[1::2]
    assert len(stored) == 40
    assert {each.event.subject for each in own} == {stored[0].event.subject}
    assert len({each.event.subject for each in others}) == len(others) == 20
    steps = [(late.at - before.at) // 1000 for before, late in pairwise(own)]
    assert steps == [-40, 60] * 9 + [-40]
    in_order = [each.at for each in decoded(crowd(sizes, NOW, 40, 0)[1])[::2]]
    assert in_order == sorted(set(in_order))
    assert min(in_order) > max(each.at for each in stored)


def test_a_quick_run_is_smaller_in_everything() -> None:
    whole = Sizes()
    assert QUICK.events < whole.events
    assert QUICK.agents == (12, 1_200)
    assert QUICK.grown == (200_000, 1_000_000)
    assert QUICK.payload_bytes == whole.payload_bytes


def test_a_copy_of_stored_rows_has_ids_of_its_own() -> None:
    assert copied("execution_aliases", ["tenant_id", "external_id", "id"]) == (
        'INSERT INTO execledger.execution_aliases ("tenant_id", "external_id", "id")\n'
        'SELECT "tenant_id", "external_id" || \'-\' || copy, '
        '(left("id"::text, 19) || right(md5("id"::text || copy)::uuid::text, 17))::uuid '
        "FROM first_execution_aliases, (SELECT $1::integer) AS n (copy)"
    )
