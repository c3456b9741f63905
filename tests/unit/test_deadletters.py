"""Which dead letters are bad in the same way."""

import json
from typing import Any

import pytest

from execledger_contracts.decoding import Undecodable, decode
from execledger_recorder.rules.dead_letter import fingerprint
from factories_recorder import event


def fingerprints(*datas: Any) -> set[str]:
    found = [decode(json.dumps(event(data=data)).replace("Infinity", "1e999").encode()) for data in datas]
    return {fingerprint(each) for each in found if isinstance(each, Undecodable)}


@pytest.mark.parametrize(
    "same",
    [
        [{"labels": {key: {}}} for key in ("prd", "a.b: c", "x, this is y", "k" * 200, "7", "a\nb")],
        [{"labels": {key: "x" * length}} for key, length in (("prd", 256), ("venture", 300))],
        [{"labels": {key + "k" * 256: "x"}} for key in "ab"],
        [{"labels": {key + "\0": "x"}} for key in "ab"],
        [{"metadata": {key: [float("inf")]}} for key in "ab"],
        [{"input": {"same": {key: float("inf")}}} for key in "ab"],
        [{"workflow": {"id": 1}}, {"workflow": {"id": []}}],
    ],
)
def test_one_fault_is_one_group_whatever_producers_call_things(same: list[Any]) -> None:
    assert len(fingerprints(*same)) == 1


def test_other_faults_are_other_groups() -> None:
    faults = [
        *({"labels": {"prd": {}}}, {"labels": {"prd": "x" * 256}}, {"labels": {"prd": "\0"}}, {"labels": {"\0": "x"}}),
        *({"labels": []}, {"metadata": []}, {"metadata": {"a": float("inf")}}, {"input": {"a": float("inf")}}),
        *({"workflow": {"id": 1}}, {"workflow": {"name": 1}}, {"tags": [1]}),
    ]
    assert len(fingerprints(*faults)) == len(faults)
