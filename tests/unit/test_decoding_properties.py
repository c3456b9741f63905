"""Whatever bytes come, decoding gives an event that can be stored and read again, or the reason why not.

A few hundred examples each; `make fuzz` tries a million.
"""

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from decoding_promises import (
    CORPUS,
    EVENTS,
    SMALL,
    TOKENS,
    VALUES,
    check,
    paths,
    replaced,
    with_token,
)
from execledger_contracts.decoding import Decoded, decode
from execledger_contracts.ignored import Notes
from execledger_contracts.mending import mend
from execledger_contracts.models import COSTS_THE_EVENT, MODELS, model_of
from execledger_contracts.structs import read

SPECIAL: Final = ["x" * 256, "x" * 20_000, "ü" * 9_000, "1e5", "NaN", "-1"]
FIELDS: Final = [
    *("workflow", "owner", "trigger", "budget", "usage", "error", "step", "labels", "metadata", "tags", "input"),
    *("output", "query", "id", "name", "mode", "iteration", "cost_usd", "total_steps", "duration_ms", "message"),
]

characters = st.characters() | st.sampled_from(["\0", "\ud800", "\udfff", "\ufffd", '"', "\\"])
texts = st.text(characters, max_size=20) | st.sampled_from(range(len(SPECIAL))).map(SPECIAL.__getitem__)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 5.0, 2**63, 10**308, 10**309, 1e308, -0.0])
scalars = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(FIELDS) | texts
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=5), max_leaves=12)
deep = st.builds(lambda value, times: nested(value, times), scalars, st.integers(95, 104))
tokens = st.sampled_from(range(len(TOKENS))).map(TOKENS.__getitem__)
timestamps = st.sampled_from([-1, 0, 1767268800000, 2**63 - 1])


def nested(value: Any, times: int) -> Any:
    for _ in range(times):
        value = [value]
    return value


@given(st.none() | st.binary(max_size=200), timestamps)
@settings(max_examples=200, deadline=None)
def test_any_bytes(value: bytes | None, timestamp_ms: int) -> None:
    check(value, timestamp_ms=timestamp_ms)


@given(values)
@settings(max_examples=100, deadline=None)
def test_any_json(value: Any) -> None:
    check(json.dumps(value).encode())


@given(st.sampled_from(EVENTS), st.sampled_from([*MODELS, "agent.thinking"]), values | deep)
@settings(max_examples=150, deadline=None)
def test_an_event_with_any_data(event: dict[str, Any], kind: str, data: Any) -> None:
    check(json.dumps({**event, "type": kind, "data": data}).encode())


@given(st.sampled_from(EVENTS), st.data())
@settings(max_examples=200, deadline=None)
def test_an_event_with_one_value_swapped(event: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(paths(event))))
    swapped = replaced(event, path, data.draw(values | deep))
    check(json.dumps(swapped).encode(), timestamp_ms=data.draw(timestamps))


@given(st.sampled_from(EVENTS), st.sampled_from(VALUES), st.data())
@settings(max_examples=200, deadline=None)
def test_an_event_with_a_value_that_readers_may_read_differently(
    event: dict[str, Any], token: bytes, data: st.DataObject
) -> None:
    check(with_token(event, data.draw(st.sampled_from(paths(event))), token))


@given(st.sampled_from(CORPUS), st.integers(0), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_a_record_with_one_byte_changed(record: bytes, position: int, byte: int) -> None:
    at = position % (len(record) + 1)
    check(record[:at] + bytes([byte]) + record[at + 1 :])


@given(st.sampled_from(CORPUS), st.integers(0), tokens, st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_a_record_with_a_token_spliced_in(record: bytes, position: int, token: bytes, dropped: int) -> None:
    at = position % (len(record) + 1)
    check(record[:at] + token + record[at + dropped :])


@given(st.sampled_from(EVENTS), tokens, st.sampled_from(["query", "input", "unknown", ""]))
@settings(max_examples=100, deadline=None)
def test_an_event_with_a_token_as_value(event: dict[str, Any], token: bytes, name: str) -> None:
    head = json.dumps({**event, "type": "run.started"} | {"data": {}})[:-2].encode()
    check(head + b'"' + name.encode() + b'": ' + token + b"}}")
    check(head + b'}, "' + name.encode() + b'": ' + token + b"}")


@given(st.sampled_from(CORPUS), st.sampled_from(CORPUS), st.integers(0), st.integers(0))
@settings(max_examples=100, deadline=None)
def test_a_record_that_goes_on_as_another(record: bytes, other: bytes, end: int, start: int) -> None:
    check(record[: end % (len(record) + 1)])
    check(record[: end % (len(record) + 1)] + other[start % (len(other) + 1) :])


@given(
    st.none() | st.binary(max_size=30) | st.builds(lambda value: json.dumps(value).encode(), values),
    st.dictionaries(
        st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "data_base64", "sequence"]),
        st.binary(max_size=20) | st.none(),
    ),
    st.sampled_from([b"", b"application/json", b"application/cloudevents+json"]),
)
@settings(max_examples=100, deadline=None)
def test_any_headers(value: bytes | None, attributes: dict[str, bytes | None], content_type: bytes) -> None:
    good = {name: str(text).encode() for name, text in EVENTS[1].items()}
    sent = {f"ce_{name}": content for name, content in {**good, **attributes}.items()}
    check(value, [("content-type", content_type), *sent.items()])


STEP: Final = {"step": {"id": "a"}}
ALL_FIELDS: Final = sorted(
    {name for model in MODELS.values() for name in model.model_fields["data"].annotation.model_fields}  # type: ignore[union-attr]
    - {"step"}
)
PARTS: Final = ["id", "name", "version", "email", "mode", "message", "stack", "iteration", "try_number", "scope", "prd"]
odd = values | st.dictionaries(st.sampled_from(PARTS), values, max_size=4) | st.lists(values, max_size=4)


@given(st.sampled_from([*MODELS, "agent.thinking"]), st.dictionaries(st.sampled_from(ALL_FIELDS), odd), st.data())
@settings(max_examples=300, deadline=None)
def test_no_value_of_any_field_costs_the_event(kind: str, data: dict[str, Any], draw: st.DataObject) -> None:
    optional = ("sequence", "partitionkey", "traceparent", "note")
    attributes = draw.draw(st.dictionaries(st.sampled_from(optional), odd))
    said = {**STEP, **data} if kind.split(".")[0] in ("step", "phase", "action", "node") else data
    event = {**EVENTS[1], "type": kind, "data": said, **attributes}
    assert check(json.dumps(event).encode())


@given(st.sampled_from([*MODELS, "agent.thinking"]), odd)
@settings(max_examples=100, deadline=None)
def test_no_data_at_all_costs_an_event_that_is_of_no_step(kind: str, data: Any) -> None:
    event = {**EVENTS[1], "type": kind, "data": data}
    result = decode(json.dumps(event).encode(), limits=SMALL)
    assert isinstance(result, Decoded) or kind.split(".")[0] in ("step", "phase", "action", "node")


@given(st.sampled_from([*MODELS, "agent.thinking"]), st.dictionaries(st.sampled_from(ALL_FIELDS), odd))
@settings(max_examples=100, deadline=None)
def test_what_is_mended_is_read_and_stays_as_it_is(kind: str, data: dict[str, Any]) -> None:
    notes, none = Notes(), Notes()
    document = json.loads(json.dumps({**EVENTS[1], "type": kind, "data": {**data, **STEP}}))
    mended = mend(document, model_of(kind), notes)
    assert mend(mended, model_of(kind), none) == mended
    assert not none
    assert read(mended).type == kind
    assert not {note.field for note in notes.all()} & COSTS_THE_EVENT
