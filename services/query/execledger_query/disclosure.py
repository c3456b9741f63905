"""What of an event's data is shown without the right to payloads: what the contract lists, and nothing else. Pure."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from execledger_contracts.models import EVENTS, OtherEvent, model_of

PAYLOADS: Final = frozenset({"input", "output", "result", "stack"})
"""The fields of the contract that are payloads, wherever it lists them."""


def without_payloads(sent_type: str, data: Any) -> Any:
    """The listed part of what an event says; null of an unknown type, and of data that is no object.

    A field counts only in a shape that its own reading takes: an object that stands where text belongs is a payload.
    """
    model = model_of(sent_type)
    if model is OtherEvent or not isinstance(data, dict):
        return None
    return _listed(_parts(model)["data"], data)


@cache
def listed_names() -> list[str]:
    """The fields that some type lists, so that the rest need not be read at all."""
    models = [_parts(event)["data"] for event in EVENTS if event is not OtherEvent]
    return sorted({name for model in models if isinstance(model, type) for name in _parts(model)})


def _listed(model: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    parts = _parts(model)
    return {
        name: _shown(parts[name], value) for name, value in said.items() if name in parts and _fits(parts[name], value)
    }


def _shown(part: Any, value: Any) -> Any:
    return _listed(part, value) if isinstance(value, dict) and issubclass(part, BaseModel) else value


def _fits(part: Any, value: Any) -> bool:
    """Whether a value has the shape of its field."""
    match value:
        case None:
            return True
        case dict():
            return issubclass(part, dict | BaseModel)
        case list():
            return part is list and not any(isinstance(each, dict | list) for each in value)
        case str():
            return part is str or _is_read_from_text(part, value)
        case _:
            return part not in (dict, list)


def _is_read_from_text(part: Any, text: str) -> bool:
    """Whether a text means what belongs there: a part of an object, a number, a truth value."""
    if issubclass(part, BaseModel):
        return getattr(part, "said_alone", None) is not None
    return issubclass(part, int | float | Decimal) and _is_number_or_truth(text) is not None


_is_number_or_truth: Final = re.compile(r"\s*(?:[-+0-9.eE]{1,40}|true|false|yes|no)\s*", re.IGNORECASE).fullmatch


@cache
def _parts(model: type[BaseModel]) -> Mapping[str, type]:
    """The fields of a model that are no payloads, with what they hold: a model, dict, list, or a single value."""
    return {name: next(_kinds(field.annotation)) for name, field in model.model_fields.items() if name not in PAYLOADS}


def _kinds(annotation: Any) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for choice in get_args(annotation):
            yield from _kinds(choice)
    elif origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    else:
        kind = origin or annotation
        yield kind if isinstance(kind, type) else str
