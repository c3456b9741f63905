"""Which dead letters are bad in the same way."""

import json
from typing import Any

import pytest

from execledger_contracts.decoding import Undecodable, decode
from execledger_recorder.rules.dead_letter import fingerprint
from factories_recorder import event


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
