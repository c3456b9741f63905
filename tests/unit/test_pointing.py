"""The finger on the fault of a dead letter."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger.pointing import Fault, Headers, find_fault
from execledger_contracts.decoding import Undecodable, decode
from execledger_contracts.samples import INVALID, Sample
from factories_recorder import NOON_MS, event


def fault_of(value: bytes | None, headers: Headers = ()) -> Fault | None:
    """Of a record that is bad."""
    found = decode(value, headers, NOON_MS)
    assert isinstance(found, Undecodable), found
    return find_fault(value, headers, found.reason, found.detail)


def pointed(value: Any, headers: Headers = ()) -> str | bytes | None:
    """What the finger is on."""
    fault = fault_of(value if isinstance(value, bytes) else json.dumps(value).encode(), headers)
    return None if fault is None else fault.content[fault.start : fault.end]


def test_text_that_is_no_json_is_pointed_at_where_reading_stopped() -> None:
    assert fault_of(b'{"a": 1, oops}') == Fault("value", '{"a": 1, oops}', 9, 10)


def test_a_text_that_was_cut_off_is_pointed_at_behind_its_end() -> None:
    assert fault_of(b'{"specversion": ') == Fault("value", '{"specversion": ', 16, 17)


def test_bytes_that_are_no_utf_8_are_pointed_at() -> None:
    assert fault_of(b'{"id": "\xc3\xa4\xff"}') == Fault("value", b'{"id": "\xc3\xa4\xff"}', 10, 11)


def test_a_header_that_is_no_utf_8_is_named() -> None:
    fault = fault_of(b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"a\xff")])
    assert fault == Fault("header ce_id", b"a\xff", 1, 2)


@pytest.mark.parametrize(
    ("bad", "pointed_at"),
    [
        (event("step.started", {"step": {"iteration": 1}}), '{"iteration": 1}'),
        (event("step.started", {}), "{}"),
        (event(attempt="two"), '"two"'),
        (event(specversion="0.3"), '"0.3"'),
        (event(time="2026-13-01T00:00:00Z"), '"2026-13-01T00:00:00Z"'),
        ({"level": "INFO"}, None),
        ([1], None),
    ],
)
def test_a_field_at_fault_is_pointed_at_by_its_value(bad: Any, pointed_at: str | None) -> None:
    assert pointed(bad) == pointed_at


def test_of_equal_names_the_last_one_counts() -> None:
    text = json.dumps(event()).removesuffix("}") + ', "attempt": 0, "attempt": -7}'
    assert pointed(text.encode()) == "-7"


def test_in_binary_mode_attributes_are_headers_and_data_is_the_value() -> None:
    said = {name: str(value) for name, value in event("step.started").items()}
    headers = [(f"ce_{name}", value.encode()) for name, value in said.items()]
    assert pointed({"step": {"id": ["a"]}}, headers) == '{"id": ["a"]}'
    wrong = [(name, b"noon" if name == "ce_time" else value) for name, value in headers]
    fault = fault_of(b'{"step": {"id": "a"}}', wrong)
    assert fault == Fault("header ce_time", "noon", 0, 4)


def test_data_in_base64_is_pointed_at_as_it_reads() -> None:
    encoded = base64.b64encode(b'{"step": {"id": 5.5e999}}').decode()
    fault = fault_of(json.dumps({**event("step.started"), "data_base64": encoded}).encode())
    assert fault is not None
    assert fault.of == "data_base64, decoded"
    assert fault.content[fault.start : fault.end] == '{"id": 5.5e999}'


@pytest.mark.parametrize("sample", INVALID, ids=lambda sample: sample.name)
def test_every_sample_is_pointed_at_within_what_is_shown(sample: Sample) -> None:
    value, headers = sample.record()
    found = decode(value, headers, sample.timestamp_ms)
    assert isinstance(found, Undecodable)
    fault = find_fault(value, headers, found.reason, found.detail)
    names_no_place = found.reason in ("tombstone", "not_cloudevent") or "is missing" in found.detail
    assert names_no_place or fault is not None
    assert fault is None or fault.start <= fault.end <= len(fault.content) + 1


@given(st.binary(max_size=60), st.sampled_from(["not_json", "not_utf8", "invalid"]), st.text(max_size=30))
def test_pointing_never_fails(value: bytes, reason: str, detail: str) -> None:
    for said in (detail, f"character 3: {detail}", f"data.step.x: {detail}"):
        find_fault(value, [("ce_id", value)], reason, said)
