"""The events of other systems, read as CloudEvents: whatever they hold, an event or a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.adapters.names import ADAPTERS
from execledger_contracts.adapters.translation import translate
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, Undecodable
from execledger_contracts.schema import ROOT
from execledger_recorder.recording import read
from execledger_recorder.rules.arrivals import NO_EVENT, middle, parts
from execledger_recorder.rules.translation import Translation
from execledger_recorder.settings import RecordingSettings
from execledger_runtime.kafka.signatures import HEADER
from factories_recorder import event, record_of

EXAMPLES = {file.stem: file.read_bytes().splitlines() for file in sorted((ROOT / "foreign").glob("*.jsonl"))}
LATER_MS = 1_795_000_000_000


def found(adapter: str, value: bytes, **said: Any) -> list[Any]:
    """What a record in a topic of that adapter says."""
    record = record_of(value, topic="foreign", **{"timestamp_ms": LATER_MS, **said})
    return [each for _, each in read([record], Limits(), {"foreign": Translation(adapter, "acme")})]


def test_each_adapter_has_an_example_that_make_schema_translates() -> None:
    assert EXAMPLES.keys() == ADAPTERS.keys()
    assert all((ROOT / "foreign" / f"{adapter}.json").exists() for adapter in ADAPTERS)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_an_adapter_makes_of_its_example_is_valid_to_the_letter(adapter: str) -> None:
    decoded = [each for line in EXAMPLES[adapter] for each in found(adapter, line) if isinstance(each, Decoded)]
    assert decoded
    assert {each.event.tenantid for each in decoded} == {"acme"}
    assert {note for each in decoded for note in each.ignored} == set()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_record_that_comes_again_gives_the_same_events_and_no_two_that_differ_share_an_id(adapter: str) -> None:
    first, again = ([each for line in EXAMPLES[adapter] for each in found(adapter, line)] for _ in range(2))
    assert first == again
    told = {(each.event.subject, each.event_id, each.digest) for each in first if isinstance(each, Decoded)}
    assert len({(subject, event_id) for subject, event_id, _ in told}) == len(told)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something lies in a document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path, *(place for name, inner in items for place in places(inner, (*path, name)))]


def with_other(document: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The same with something else in one place."""
    if not path:
        return other
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = with_other(document[path[0]], path[1:], other)
    return copy


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(st.data())
def test_no_document_raises_whatever_stands_in_it(adapter: str, data: st.DataObject) -> None:
    document = json.loads(data.draw(st.sampled_from(EXAMPLES[adapter])))
    for _ in range(data.draw(st.integers(1, 3))):
        document = with_other(document, data.draw(st.sampled_from(places(document))), data.draw(ANYTHING))
    value = json.dumps(document).encode()
    assert all(isinstance(each, Decoded | Undecodable) or each is NO_EVENT for each in found(adapter, value))


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"\xff", b"7", b"[[]]", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b'{"a":"\\ud800\\u0000"}'],
)
def test_what_is_no_document_is_a_dead_letter_or_about_nothing(adapter: str, value: bytes) -> None:
    assert all(isinstance(each, Undecodable) or each is NO_EVENT for each in found(adapter, value))
    assert isinstance(translate(adapter, None)[0], Undecodable)


@pytest.mark.parametrize(
    ("adapter", "document", "missing"),
    [
        ("openlineage", {"eventType": "FAIL", "job": {"namespace": "n", "name": "j"}}, "run.runId"),
        ("inngest", {"name": "inngest/function.failed", "data": {"function_id": "f"}}, "data.run_id"),
        ("openlineage", {"job": {"namespace": "n", "name": "j"}}, None),
        ("inngest", {"name": "inngest/function.invoked", "data": {"function_id": "f"}}, None),
    ],
)
def test_what_tells_of_a_run_and_names_none_is_a_dead_letter(
    adapter: str, document: dict[str, object], missing: str | None
) -> None:
    [said] = found(adapter, json.dumps(document).encode())
    if missing is None:
        assert said is NO_EVENT
    else:
        assert isinstance(said, Undecodable)
        assert missing in said.detail


def test_a_record_in_which_one_event_is_bad_keeps_the_others_and_numbers_them() -> None:
    good, bad = (json.loads(line) for line in (EXAMPLES["openlineage"][1], EXAMPLES["openlineage"][-1]))
    record = record_of(json.dumps([bad, good]).encode(), topic="foreign", timestamp_ms=LATER_MS)
    reads = read([record], Limits(), {"foreign": Translation("openlineage", "default")})
    assert [(each.event_index, type(said)) for each, said in reads] == [(0, Undecodable), (1, Decoded), (2, Decoded)]


def test_a_header_says_for_which_tenant_and_what_is_signed_is_no_matter_of_adapters() -> None:
    line = EXAMPLES["openlineage"][0]
    [said] = found("openlineage", line, headers=[("ce_tenantid", b"umbra")])
    assert said.event.tenantid == "umbra"
    [ours] = found("openlineage", json.dumps(event()).encode(), headers=[(HEADER, b"1:x:y")])
    assert ours.event.type == "execution.started"


def test_nobody_becomes_execledger_by_way_of_an_adapter() -> None:
    document = {**json.loads(EXAMPLES["openlineage"][0]), "producer": "execledger:watchdog"}
    [said] = found("openlineage", json.dumps(document).encode())
    assert said.reason == "forbidden"


def test_a_record_beyond_the_limit_is_not_translated() -> None:
    [said] = found("openlineage", b" " * 2_097_153)
    assert (said.reason, said.detail) == ("too_large", "2097153 bytes, at most 2097152 are read")


def test_a_batch_is_parted_between_records_and_never_within_one() -> None:
    reads = [
        (record_of(b"", offset)._replace(event_index=index), NO_EVENT)
        for offset, events in enumerate([1, 5, 1, 3])
        for index in range(events)
    ]
    assert middle(reads) == 1
    assert middle(reads[1:6]) == 0
    assert middle(reads[1:7]) == 5
    assert [len(part) for part in parts(reads, 3)] == [1, 5, 1, 3]
    assert [len(part) for part in parts(reads, 100)] == [10]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("runs", "should be topic=adapter, several with commas"),
        ("=otel", "should be topic=adapter, several with commas"),
        ("runs=airflow", "airflow is no adapter: there are "),
        ("runs=openlineage,runs=openlineage", "says twice what reads runs"),
        ("executions.events=openlineage", "executions.events is the events topic, which holds CloudEvents"),
    ],
)
def test_a_wrong_adapter_is_told_in_one_line(said: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RecordingSettings(postgres_dsn="postgresql://localhost/x", topic_adapters=said)


def test_topics_with_adapters_are_read_for_the_tenant_that_they_are_bound_to() -> None:
    settings = RecordingSettings(
        postgres_dsn="postgresql://localhost/x", topic_tenants="a=acme", topic_adapters="a=openlineage, b=openlineage"
    )
    assert settings.topics == ("executions.events", "a", "b")
    assert [each.tenant_id for each in settings.translations.values()] == ["acme", "default"]
