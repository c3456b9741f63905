"""A document whose values do not all fit, made into one that its model reads: field by field, as the models list them.

Pure and total. What is wrong is left out, what plainly means something else is read as that, and both are noted; only
what says which event this is stays as it was sent, for the model to refuse.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from execledger_contracts import readings
from execledger_contracts.ignored import Notes, Rule
from execledger_contracts.models import CloudEvent
from execledger_contracts.readings import LeftOutError, ReadAs, Reading

_Mend = Callable[[Any, str, Notes], Any]
"""Of a value that is not null, at a path; None leaves it out."""


def mend(document: Mapping[str, Any], model: type[CloudEvent], notes: Notes) -> dict[str, Any]:
    """What the model takes of a document: again of what this gives, it is the same."""
    return _mended(_fields(model), document, "", notes)


@cache
def _fields(model: type[BaseModel]) -> Mapping[str, _Mend]:
    fields = model.model_fields.items()
    return {name: _mend_of(Annotated[field.annotation, None, *field.metadata]) for name, field in fields}


def _mend_of(annotation: Any) -> _Mend:
    """How a field of that type is mended: not at all, unless the type says how or is made of others."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType) and NoneType in arguments:
        return _mend_of(next(argument for argument in arguments if argument is not NoneType))
    if origin is Annotated:
        reading = next((each.reading for each in arguments if isinstance(each, ReadAs)), None)
        return partial(_read, reading) if reading else _mend_of(arguments[0])
    if origin is list:
        return partial(_items, _mend_of(arguments[0]))
    if origin is dict:
        return (
            _any_members
            if arguments[1] is JsonValue
            else partial(_members, _mend_of(arguments[0]), _mend_of(arguments[1]))
        )
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return partial(_object, annotation)
    return partial(_read, readings.as_sent)


def _read(reading: Reading, value: Any, path: str, notes: Notes) -> Any:
    try:
        return reading(value, partial(notes.add, path))
    except LeftOutError as wrong:
        notes.add(path, wrong.rule)
        return None


def _mended(fields: Mapping[str, _Mend], said: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    mended: dict[str, Any] = {}
    for name, mend_field in fields.items():
        if (value := said.get(name)) is None:
            continue
        # The parts of the data go by their names alone, as attributes do: none of them is called data.
        at = "" if name == "data" else notes.within(path, name)
        if (read := mend_field(value, at, notes)) is not None:
            mended[name] = read
    return mended


def _object(model: type[BaseModel], value: Any, path: str, notes: Notes) -> Any:
    fields = _fields(model)
    if isinstance(value, dict):
        return _mended(fields, value, path, notes)
    name = getattr(model, "said_alone", None)
    if name is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        notes.add(path, Rule.WRONG_TYPE)
        return None
    said = fields[name](value, path, notes)
    if said is None:
        return None
    notes.add(path, Rule.READ_AS_OBJECT)
    return {name: said}


def _items(mend_item: _Mend, value: Any, path: str, notes: Notes) -> list[Any] | None:
    if not isinstance(value, list):
        notes.add(path, Rule.WRONG_TYPE)
        return None
    items = []
    for number, item in enumerate(value):
        if item is None:
            notes.add(notes.within(path, number), Rule.WRONG_TYPE)
        elif (read := mend_item(item, notes.within(path, number), notes)) is not None:
            items.append(read)
    return items


def _members(mend_key: _Mend, mend_value: _Mend, value: Any, path: str, notes: Notes) -> dict[str, Any] | None:
    """Those that are null say nothing."""
    if _any_members(value, path, notes) is None:
        return None
    members = {}
    for key, member in value.items():
        at = notes.within(path, key)
        if member is not None and (read := mend_value(member, at, notes)) is not None:
            members[mend_key(key, at, notes)] = read
    return members


def _any_members(value: Any, path: str, notes: Notes) -> Any:
    if isinstance(value, dict):
        return value
    notes.add(path, Rule.WRONG_TYPE)
    return None
