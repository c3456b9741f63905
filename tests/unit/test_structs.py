"""Structs stand for the models: the same names, fields and rules, read alike."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel, Field

from decoding_promises import USUAL, VALUES, assert_read_alike, with_token
from execledger_contracts import events, models
from execledger_contracts.parsing import parse_exactly
from execledger_contracts.structs import handed_on, read, replaced, struct_of

MODELS = [model for model in vars(models).values() if isinstance(model, type) and issubclass(model, BaseModel)]
OURS = [model for model in MODELS if model.__module__ == models.__name__]
KINDS = [*(model.canonical for model in models.TABLE_EVENTS), "agent.thinking"]
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/o",
    "type": "",
    "subject": "run-1",
    "time": "2026-01-01T12:00:00Z",
}


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_struct_has_the_fields_defaults_bases_and_variables_of_its_model(model: type[BaseModel]) -> None:
    struct = struct_of(model)
    assert set(struct.__struct_fields__) == set(model.model_fields)
    for field in msgspec.structs.fields(struct):
        declared = model.model_fields[field.name]
        assert field.required == declared.is_required()
        if not field.required:
            default = declared.get_default()
            assert field.default == (handed_on(default) if isinstance(default, BaseModel) else default)
    assert [base.__name__ for base in struct.__mro__[1:-3]] == [base.__name__ for base in model.__mro__[1:-2]]
    assert all(getattr(struct, name) == getattr(model, name) for name in model.__class_vars__)
    assert struct.__doc__ == model.__doc__


def test_the_events_that_are_handed_on_are_the_structs_of_the_models() -> None:
    assert {name for name in vars(models) if not name.startswith("_")} - {"BaseModel"} <= vars(events).keys()
    assert all(vars(events)[model.__name__] is struct_of(model) for model in OURS if not model.__name__.startswith("_"))
    assert (*map(struct_of, models.TABLE_EVENTS),) == events.TABLE_EVENTS
    assert isinstance(read(EVENT | {"type": "step.failed", "data": {"step": {"id": "a"}}}), events.StepEvent)


@pytest.mark.parametrize("event", USUAL, ids=lambda event: json.loads(event)["type"])
def test_structs_read_what_is_usual(event: bytes) -> None:
    assert assert_read_alike(event)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_struct_takes_in_any_field_its_model_takes_and_reads_alike(kind: str) -> None:
    """Each field of each event alone, with every value that two readers may read differently."""
    event = EVENT | {"type": kind} | ({"data": {"step": {"id": "a"}}} if kind.startswith("step") else {})
    for path in field_paths(models.model_of(kind)):
        taken = [token for token in VALUES if assert_read_alike(with_token(with_place(event, path), path, token))]
        assert taken or path == ("type",)


def field_paths(model: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*at, name)
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from field_paths(part, (*at, name))


def with_place(said: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The same with a place for a value at the end of the path."""
    name, *rest = path
    return {**said, name: with_place(said.get(name, {}), tuple(rest)) if rest else None}


def test_money_and_rare_times_are_read_as_the_models_read_them() -> None:
    data = {"usage": {"cost_usd": 0.1}}
    event = read(EVENT | {"type": "run.failed", "time": "2016-12-31T23:59:60.1234567Z", "data": data})
    assert event.data.usage.cost_usd == Decimal("0.1")
    assert event.time.isoformat() == "2016-12-31T23:59:59.999999+00:00"
    assert data == {"usage": {"cost_usd": 0.1}}


@pytest.mark.parametrize("data", [{"total_steps": 5.0}, {"labels": {"a": 1}}, {"trigger": {"mode": "MANUAL"}}])
def test_what_needs_a_lenient_reading_is_left_to_it(data: dict[str, Any]) -> None:
    text = json.dumps(EVENT | {"type": "run.started", "data": data}).encode()
    with pytest.raises(ValueError, match=r"Expected|Invalid"):
        read(parse_exactly(text))


def test_a_part_can_be_exchanged() -> None:
    event = read(EVENT | {"type": "run.started", "data": {"query": "q"}})
    assert replaced(event, data=replaced(event.data, query="")).data == events.StartData(query="")


class _Known(BaseModel):
    id: UUID


class _Patterned(BaseModel):
    id: Annotated[str, Field(pattern="^a")]


@pytest.mark.parametrize("model", [_Known, _Patterned])
def test_a_new_kind_of_field_must_be_told_what_msgspec_checks_of_it(model: type[BaseModel]) -> None:
    with pytest.raises(KeyError):
        struct_of(model)
