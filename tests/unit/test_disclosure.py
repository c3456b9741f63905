"""What of an event's data is no payload."""

import json
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel

from execledger_contracts.decoding import Decoded, decode
from execledger_contracts.models import EVENTS, OtherEvent
from execledger_contracts.samples import VALID
from execledger_query.disclosure import PAYLOADS, listed_names, without_payloads


@pytest.mark.parametrize("sample", VALID, ids=lambda sample: sample.name)
def test_no_payload_of_any_sample_is_shown_and_everything_else_is(sample: Any) -> None:
    decoded = decode(*sample.record())
    assert isinstance(decoded, Decoded)
    said = json.loads(decoded.text)
    data = said.get("data")
    shown = without_payloads(said["type"], data)
    if decoded.event.canonical == OtherEvent.canonical or not isinstance(data, dict):
        assert shown is None
        return
    assert not PAYLOADS & set(names(shown))
    models = {event.canonical: get_type_hints(event)["data"] for event in EVENTS if event is not OtherEvent}
    listed = models[decoded.event.canonical].model_fields
    assert shown.keys() == (data.keys() & listed.keys()) - PAYLOADS


def names(data: Any) -> list[str]:
    """Of all objects in it, but for those that a producer may fill as it likes."""
    if not isinstance(data, dict):
        return []
    return [*data, *(name for key, part in data.items() if key not in ("metadata", "labels") for name in names(part))]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"query": {"secret": 1}, "mode": ["secret"], "total_steps": "3"}, {"total_steps": "3"}),
        ({"tags": ["a", 1, None], "labels": {"a": 1}, "metadata": {"deep": [{}]}}, None),
        ({"tags": [["secret"]], "labels": ["secret"], "metadata": "secret"}, {}),
        ({"tags": "secret", "workflow": ["secret"]}, {}),
        ({"workflow": {"id": "w", "secret": 1, "name": {"secret": 1}}}, {"workflow": {"id": "w"}}),
        ({"workflow": "w", "owner": 7, "total_steps": "12", "labels": None}, None),
        ({"total_steps": "my secret", "timeout_seconds": "1" * 50, "budget": "secret"}, {}),
        ({"input": 1, "output": 1, "result": 1, "stack": 1, "secret": 1}, {}),
    ],
)
def test_a_field_is_shown_in_the_shape_that_the_contract_lists(
    said: dict[str, Any], shown: dict[str, Any] | None
) -> None:
    assert without_payloads("workflow.started", said) == (said if shown is None else shown)


@pytest.mark.parametrize("data", [{"query": "q"}, ["q"], "q", 1, True, None])
def test_of_an_unknown_type_nothing_is_listed(data: Any) -> None:
    assert without_payloads("agent.thinking", data) is None


def test_the_names_that_are_read_are_those_of_all_types() -> None:
    data = [get_type_hints(event)["data"] for event in EVENTS if event is not OtherEvent]
    assert all(isinstance(model, type) and issubclass(model, BaseModel) for model in data)
    assert set(listed_names()) == {name for model in data for name in model.model_fields} - PAYLOADS
