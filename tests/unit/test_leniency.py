"""What a producer says wrong costs a field: what is read instead, and what is noted."""

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from execledger_contracts import decoding
from execledger_contracts.decoding import Decoded, decode, reread
from execledger_contracts.ignored import MOST

NO_NUMBERS: list[Any] = [True, [], {}, "", "many", "1_0", "9" * 401]
NO_MONEY: list[Any] = ["free", "", "$5", True, []]
WRONG: dict[str, list[Any]] = {
    "output": [float("nan"), [10**400], "\ud800", {"\0": "\0"}],
    "duration_ms": [1234.567, -3, "1234", [], {}],
    "usage": [5, [], {"prompt_tokens": -1}, {"cost_usd": {}}],
    "error": ["boom", 5, [], {"message": {}}],
}
LONG = "x" * 256
SHORT = "x" * 190 + sha256(LONG.encode()).hexdigest()[:32]


def decoded(kind: str, data: Any = None, **attributes: Any) -> Decoded:
    event = {
        "specversion": "1.0",
        "id": "e1",
        "source": "urn:o",
        "subject": "run-1",
        "time": "2026-01-01T12:00:00Z",
        "type": kind,
        **attributes,
        **({} if data is None else {"data": data}),
    }
    result = decode(json.dumps(event).encode())
    assert isinstance(result, Decoded), result
    assert reread(result.text) == result.event
    return result


def read(kind: str, data: Any) -> Any:
    """What is read of the data, and what is noted."""
    result = decoded(kind, data)
    return msgspec.to_builtins(result.event).get("data", {}), [f"{note.field} {note.rule}" for note in result.ignored]


@pytest.mark.parametrize(
    ("sent", "value", "rules"),
    [
        (1234.567, 1235, ["rounded"]),
        (0.5, 0, ["rounded"]),
        (1.5, 2, ["rounded"]),
        (-0.4, 0, ["rounded"]),
        (5.0, 5, []),
        ("1234", 1234, ["read_from_text"]),
        (" 12.5 ", 12, ["read_from_text", "rounded"]),
        ("1e3", 1000, ["read_from_text"]),
        (2**63 - 1, 2**63 - 1, []),
        *((sent, None, ["out_of_range"]) for sent in (-3, -0.6, 2**63, 1e300, "-1", "1e999999", "9" * 300)),
        ("1e99999999999999999999", None, ["out_of_range"]),
        *((sent, None, ["not_finite"]) for sent in (float("nan"), float("inf"), "NaN", "-Infinity")),
        *((sent, None, ["wrong_type"]) for sent in NO_NUMBERS),
    ],
)
def test_a_count_is_read_as_what_it_plainly_means(sent: Any, value: int | None, rules: list[str]) -> None:
    said = {} if value is None else {"duration_ms": value}
    assert read("execution.completed", {"duration_ms": sent}) == (said, [f"duration_ms {rule}" for rule in rules])


@pytest.mark.parametrize(
    ("sent", "value", "rules"), [(33.3, 33, ["rounded"]), (100.4, 100, ["rounded"]), (120, None, ["out_of_range"])]
)
def test_a_percent_is_whole_and_at_most_100(sent: Any, value: int | None, rules: list[str]) -> None:
    said, notes = read("execution.progressed", {"progress_percent": sent})
    assert (said.get("progress_percent"), notes) == (value, [f"progress_percent {rule}" for rule in rules])


@pytest.mark.parametrize(
    ("sent", "value", "rules"),
    [
        (0.5, 0.5, []),
        ("1.5", 1.5, ["read_from_text"]),
        (1e9, 1e9, []),
        *((sent, None, ["out_of_range"]) for sent in (0, -1, 1e10, "1e-999999")),
        ("soon", None, ["wrong_type"]),
    ],
)
def test_a_timeout_is_above_0_and_may_have_a_fraction(sent: Any, value: float | None, rules: list[str]) -> None:
    said, notes = read("execution.started", {"timeout_seconds": sent})
    assert (said.get("timeout_seconds"), notes) == (value, [f"timeout_seconds {rule}" for rule in rules])


@pytest.mark.parametrize(
    ("sent", "value", "rules"),
    [
        ("0.1234567895", "0.123456790", []),
        (" 1 ", "1.000000000", []),
        (0.25, "0.250000000", []),
        *((sent, None, ["out_of_range"]) for sent in ("-1", -0.5, "1000000001", 1e300)),
        *((sent, None, ["not_finite"]) for sent in ("NaN", float("-inf"))),
        *((sent, None, ["wrong_type"]) for sent in NO_MONEY),
    ],
)
def test_money_is_0_or_more(sent: Any, value: str | None, rules: list[str]) -> None:
    said, notes = read("llm.called", {"cost_usd": sent})
    assert said.get("cost_usd") == (None if value is None else str(Decimal(value)))
    assert notes == [f"cost_usd {rule}" for rule in rules]


@pytest.mark.parametrize(
    ("data", "said", "notes"),
    [
        ({"workflow": "w"}, {"workflow": {"id": "w"}}, ["workflow read_as_object"]),
        ({"owner": 7}, {"owner": {"id": "7"}}, ["owner read_as_text", "owner read_as_object"]),
        ({"trigger": "MANUAL"}, {"trigger": {"mode": "manual"}}, ["trigger read_as_object"]),
        ({"trigger": "webhook"}, {}, ["trigger unknown_word"]),
        (
            {"trigger": {"mode": "webhook", "event_name": "e"}},
            {"trigger": {"event_name": "e"}},
            ["trigger.mode unknown_word"],
        ),
        ({"owner": True}, {}, ["owner wrong_type"]),
        ({"budget": 100}, {}, ["budget wrong_type"]),
        (
            {"budget": {"token_limit": 5, "scope": "Execution"}},
            {"budget": {"token_limit": 5, "scope": "execution"}},
            [],
        ),
        ({"budget": {"scope": "all"}}, {"budget": {}}, ["budget.scope unknown_word"]),
        ({"mode": 5, "query": True}, {"mode": "5", "query": "true"}, ["mode read_as_text", "query read_as_text"]),
        ({"query": {"q": 1}}, {}, ["query wrong_type"]),
        ({"workflow": {"id": LONG}}, {"workflow": {"id": SHORT}}, ["workflow.id shortened"]),
        (
            {"tags": [LONG, "a", None, 5, {}]},
            {"tags": [SHORT, "a", "5"]},
            ["tags.0 shortened", "tags.2 wrong_type", "tags.3 read_as_text", "tags.4 wrong_type"],
        ),
        ({"tags": "a"}, {}, ["tags wrong_type"]),
        (
            {"labels": {"a": 1, "b": True, "c": None, "d": {}, "e": LONG}},
            {"labels": {"a": "1", "b": "true", "e": SHORT}},
            ["labels.d wrong_type", "labels.e shortened"],
        ),
        ({"labels": {LONG: "v"}}, {"labels": {SHORT: "v"}}, [f"labels.{'x' * 247}… shortened"]),
        ({"labels": ["a"]}, {}, ["labels wrong_type"]),
        ({"metadata": "m"}, {}, ["metadata wrong_type"]),
        (
            {"metadata": {"a": None, "b": [float("nan")]}},
            {"metadata": {"a": None, "b": [None]}},
            ["metadata.b.0 not_finite"],
        ),
        ({"complexity_score": 1.01}, {}, ["complexity_score out_of_range"]),
        ("text", {}, ["data wrong_type"]),
        ([1], {}, ["data wrong_type"]),
    ],
)
def test_what_a_beginning_says_is_read_part_by_part(data: Any, said: dict[str, Any], notes: list[str]) -> None:
    assert read("execution.started", data) == (said, notes)


@pytest.mark.parametrize(
    ("sent", "value", "rules"),
    [
        ("true", True, ["read_from_text"]),
        ("FALSE", False, ["read_from_text"]),
        ("yes", None, ["wrong_type"]),
        (1, None, ["wrong_type"]),
    ],
)
def test_a_truth_value_is_one(sent: Any, value: bool | None, rules: list[str]) -> None:
    said, notes = read("tool.called", {"success": sent})
    assert (said.get("success"), notes) == (value, [f"success {rule}" for rule in rules])


@pytest.mark.parametrize(
    ("step", "said", "notes"),
    [
        ({"id": 7}, {"id": "7"}, ["step.id read_as_text"]),
        ({"id": "", "name": "n"}, {"name": "n"}, ["step.id out_of_range"]),
        ({"name": "x" * 300}, {"name": "x" * 190 + sha256(b"x" * 300).hexdigest()[:32]}, ["step.name shortened"]),
        (
            {"id": "a", "iteration": -1, "try_number": 0},
            {"id": "a"},
            ["step.iteration out_of_range", "step.try_number out_of_range"],
        ),
        (
            {"id": "a", "iteration": "2", "try_number": 1.0},
            {"id": "a", "iteration": 2, "try_number": 1},
            ["step.iteration read_from_text"],
        ),
    ],
)
def test_a_step_is_known_by_what_can_be_read(step: dict[str, Any], said: dict[str, Any], notes: list[str]) -> None:
    assert read("step.started", {"step": step}) == ({"step": said}, notes)


@pytest.mark.parametrize(
    "data",
    [
        *({name: value} for name, values in WRONG.items() for value in values),
        *("", "done", 5, [], {"metadata": 1, "result": [], "agents_used": "many"}),
    ],
)
def test_an_ending_arrives_whatever_its_data_is(data: Any) -> None:
    result = decoded("execution.failed", data)
    assert result.event.canonical == "execution.failed"
    assert result.ignored


def test_the_type_of_an_error_is_an_identifier() -> None:
    """An index holds it: where Postgres has to refuse what is too long for that, the ending would be lost."""
    said, notes = read("execution.failed", {"error": {"message": LONG, "type": LONG}})
    assert said["error"] == {"message": LONG, "type": SHORT}
    assert notes == ["error.type shortened"]


def test_an_attribute_that_only_describes_costs_itself() -> None:
    result = decoded("execution.started", partitionkey=7, traceparent={"id": 1}, dataschema="https://acme.example/1")
    assert (result.event.partitionkey, result.event.traceparent) == ("7", None)
    assert [tuple(note) for note in result.ignored] == [("partitionkey", "read_as_text"), ("traceparent", "wrong_type")]


def test_the_log_keeps_what_was_sent() -> None:
    data = {"duration_ms": 1234.567, "tags": ["t" * 300], "owner": "ann", "progress_percent": "33.3", "query": None}
    assert json.loads(decoded("execution.started", data).text)["data"] == data


def test_very_many_faults_are_few_notes() -> None:
    result = decoded("execution.started", {"tags": [None] * 100_000})
    assert len(result.ignored) == MOST


@pytest.mark.parametrize(("said", "read_as"), [("7", 7), ("0", 0), ("000000000000000007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_of_a_sequence_are_read_without_mending(
    said: str, read_as: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every SDK of CloudEvents sends them, in each event: mending takes four times as long."""
    monkeypatch.setattr(decoding, "mend", None)
    event = {"specversion": "1.0", "id": "1", "source": "/o", "type": "execution.started", "subject": "r"}
    found = decode(json.dumps({**event, "time": "2026-01-01T00:00:00Z", "sequence": said, "attempt": "2"}).encode())
    assert isinstance(found, Decoded)
    assert (found.event.sequence, found.event.attempt, found.ignored) == (read_as, 2, ())
