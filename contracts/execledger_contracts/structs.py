"""Structs with the names and fields of the models, which msgspec makes in a sixth of the time that pydantic needs.

The models are the contract. What is read here the model takes too, and reads alike (`make fuzz` compares them); what
is not, like 5.0 for a count or a number for a label, is left to the model.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec
import msgspec.structs
from msgspec import Meta
from pydantic import BaseModel, TypeAdapter

from execledger_contracts.fields import PATTERN_RULES, Money, Timestamp
from execledger_contracts.models import MODELS, OtherEvent
from execledger_contracts.types import without_prefix

_Said = TypeVar("_Said")
_Schema = Mapping[str, Any]
_Path = tuple[str, ...]


@cache
def struct_of(model: type[BaseModel]) -> type[Any]:
    """The struct that stands for a model: with its fields, class variables, bases and check."""
    fields, check = _fields(model.__pydantic_core_schema__)
    namespace = {name: getattr(model, name) for name in ("__doc__", *model.__class_vars__)}
    return msgspec.defstruct(
        model.__name__,
        [(name, _type(schema), *_default(schema)) for name, schema in fields.items()],
        bases=tuple(struct_of(base) for base in model.__bases__ if base is not BaseModel) or None,
        module="execledger_contracts.events",
        namespace=namespace | ({"__post_init__": check} if check else {}),
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        gc=False,  # what JSON says holds no cycle, and the collector need not look for one
    )


def handed_on(model: BaseModel) -> Any:
    """The struct that says what a model says."""
    return msgspec.convert(model, struct_of(type(model)), from_attributes=True)


def replaced(said: _Said, **values: Any) -> _Said:
    """The same event, or part of one, with other values."""
    return cast(_Said, msgspec.structs.replace(cast(Any, said), **values))


def read(document: dict[str, Any]) -> Any:
    """The event that a document without NUL is; ValueError: its model must read it, or say why it is none."""
    kind = document.get("type")
    struct, paths_to_money = (_READINGS.get(kind) or _reading_of(kind)) if isinstance(kind, str) else _OTHER
    if not _is_usual_time(sent := document.get("time")):
        document = {**document, "time": _time(sent)}
    for path in paths_to_money:
        document = _with_money(document, *path)
    event = msgspec.convert(document, struct)
    if " " in event.source or not event.source.isprintable():
        raise ValueError("a rare URI-reference, or none")
    return event


def _is_usual_time(sent: Any) -> bool:
    """Whether msgspec reads it as the model does, if at all: it rounds nanoseconds, and takes an offset of +0100."""
    return isinstance(sent, str) and (
        (sent[-3:-2] == ":" and len(sent) <= 32) or (sent[-1:] in ("Z", "z") and len(sent) <= 27)
    )


def _with_money(said: Any, name: str, *path: str) -> Any:
    """The same with the amount at the end of the path, if there is one, as the model reads it."""
    if not isinstance(said, dict) or (sent := said.get(name)) is None:
        return said
    return {**said, name: _with_money(sent, *path) if path else _money(sent)}


def _fields(schema: _Schema) -> tuple[dict[str, _Schema], Callable[[Any], Any] | None]:
    """The schemas of a model's fields, and its check."""
    check = None
    while schema["type"] != "model-fields":
        check = schema["function"]["function"] if schema["type"] == "function-after" else check
        schema = schema["schema"]
    return {name: field["schema"] for name, field in schema["fields"].items()}, check


def _default(schema: _Schema) -> tuple[Any, ...]:
    if schema["type"] != "default":
        return ()
    default = schema["default"]
    return (handed_on(default) if isinstance(default, BaseModel) else default,)


def _type(schema: _Schema) -> Any:
    """What msgspec checks of a field, never less than its schema. KeyError: a new kind of field; say what it checks."""
    return _TYPES[schema["type"]](schema)


def _bounds(schema: _Schema) -> Meta:
    return Meta(gt=schema["gt"], le=schema["le"]) if "gt" in schema else Meta(ge=schema["ge"], le=schema["le"])


def _text(schema: _Schema) -> Any:
    if schema.get("pattern") not in (None, *PATTERN_RULES):  # those are seen to by `read` and its callers
        raise KeyError(schema["pattern"])
    return Annotated[str, Meta(min_length=schema.get("min_length"), max_length=schema.get("max_length"))]


_TYPES: Final[Mapping[str, Callable[[_Schema], Any]]] = {
    "bool": lambda _: bool,
    "custom-error": lambda _: Annotated[datetime, Meta(tz=True)],
    "decimal": lambda _: Decimal,
    "default": lambda schema: _type(schema["schema"]),
    "definition-ref": lambda _: Any,  # JsonValue
    "dict": lambda schema: GenericAlias(dict, (_type(schema["keys_schema"]), _type(schema["values_schema"]))),
    "float": lambda schema: Annotated[float, _bounds(schema)],
    "function-after": lambda schema: _type(schema["schema"]),
    "int": lambda schema: Annotated[int, Meta(ge=schema["ge"], le=schema["le"])],
    "list": lambda schema: GenericAlias(list, (_type(schema["items_schema"]),)),
    "literal": lambda schema: Literal[tuple(schema["expected"])],
    "model": lambda schema: struct_of(schema["cls"]),
    "nullable": lambda schema: _type(schema["schema"]) | None,
    "str": _text,
}


def _paths_to_money(schema: _Schema) -> list[_Path]:
    match schema:
        case {"type": "decimal"}:
            return [()]
        case {"type": "model-fields", "fields": fields}:
            return [(name, *path) for name, field in fields.items() for path in _paths_to_money(field["schema"])]
        case {"schema": inner}:
            return _paths_to_money(inner)
    return []


_money: Final = TypeAdapter(Money).validator.validate_python
_time: Final = TypeAdapter(Timestamp).validator.validate_python
_READINGS: Final = {
    sent: (struct_of(model), _paths_to_money(model.__pydantic_core_schema__)) for sent, model in MODELS.items()
}
_OTHER: Final = (struct_of(OtherEvent), list[_Path]())


def _reading_of(kind: str) -> tuple[type[Any], list[_Path]]:
    return _READINGS.get(without_prefix(kind), _OTHER)
