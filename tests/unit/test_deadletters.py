"""Which dead letters are bad in the same way, and how much is kept of them."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.decoding import Undecodable, decode
from execledger_recorder.rules.dead_letter import fingerprint, keep
from factories_recorder import event, record_of


def fingerprints(*bad: dict[str, Any]) -> set[str]:
    found = [decode(json.dumps(event(**each)).encode()) for each in bad]
    return {fingerprint(each) for each in found if isinstance(each, Undecodable)}


@pytest.mark.parametrize(
    "same",
    [
        [{"subject": "x" * length} for length in (256, 300)],
        [{"time": time} for time in ("noon", "12:00", "")],
        [{"attempt": attempt} for attempt in (0, -1, "0")],
        [{"type_": "step.started", "data": {"step": step}} for step in ({}, {"iteration": 1}, {"name": ""})],
    ],
)
def test_one_fault_is_one_group_whatever_producers_say(same: list[dict[str, Any]]) -> None:
    assert len(fingerprints(*same)) == 1


def test_other_faults_are_other_groups() -> None:
    faults: list[dict[str, Any]] = [
        *({"subject": ""}, {"subject": "x" * 256}, {"subject": 5}, {"tenantid": ""}, {"time": "noon"}),
        *(
            {"attempt": 0},
            {"attempt": "two"},
            {"type_": "step.started"},
            {"type_": "step.failed", "data": {"step": {}}},
        ),
    ]
    assert len(fingerprints(*faults)) == len(faults)


PARTS = st.none() | st.binary(max_size=60)
HEADERS = st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=12), PARTS), max_size=8)


@given(PARTS, PARTS, HEADERS, st.integers(0, 50))
def test_no_part_of_a_dead_letter_is_larger_than_the_limit_and_what_is_cut_is_said(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], most: int
) -> None:
    record = record_of(value, key=key, headers=headers)
    kept = keep(record, most)
    for name, whole, part in (("key", key, kept.key), ("value", value, kept.value)):
        assert part == (whole if whole is None else whole[:most])
        said = None if whole is None else {"bytes": len(whole), "sha256": sha256(whole).hexdigest()}
        assert kept.cut.get(name) == (None if part == whole else said)
    assert sum(len(name.encode()) + len(part or b"") for name, part in kept.headers) <= most
    for (name, part), (was_named, whole) in zip(kept.headers, headers, strict=False):
        assert name == was_named
        assert part == whole or (whole or b"").startswith(part or b"")
    whole_bytes = sum(len(name.encode()) + len(part or b"") for name, part in headers)
    said = {"bytes": whole_bytes, "number": len(headers)}
    assert kept.cut.get("headers") == (None if list(kept.headers) == headers else said)
    assert ("headers" in kept.cut) == (whole_bytes > most)
