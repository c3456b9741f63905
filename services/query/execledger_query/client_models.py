"""The models of `execledger_client`, and the filters that it takes, as the OpenAPI document has them. Pure."""

import keyword
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Schema = Mapping[str, Any]

_HEAD: Final = '''"""What the API answers. Written by `make schema`: change the routes instead."""

# fmt: off
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict
from uuid import UUID

from msgspec import Struct, field
'''
_OF_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError", "JsonValue")
_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS: Final = {"date-time": "datetime", "uuid": "UUID"}
_LISTED: Final = "/v1/stream"  # its parameters are the filters, and these
_NO_FILTERS: Final = ("include", "fields", "limit")
_MONEY: Final = "0.0125"  # the example of each amount


def models(document: Schema) -> str:
    """A class for each object of the document.

    Words from closed sets are texts: a service that is newer than its client may know more of them.
    """
    schemas = document["components"]["schemas"]
    names = [name for name, schema in schemas.items() if name not in _OF_FRAMEWORK and "properties" in schema]
    classes = ("\n".join(_class(name, schemas[name], schemas)) for name in sorted(names))
    return "\n".join([_HEAD, *_filters(document["paths"][_LISTED]["get"]["parameters"]), *classes])


def _filters(parameters: Sequence[Schema]) -> Iterator[str]:
    said = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
    names = ", ".join(f'"{name}"' for name in said["fields"]["items"]["enum"])
    yield f'ExecutionField: TypeAlias = Literal[{names}]\n"""A member of an execution, for `fields`."""\n\n'
    yield "class ExecutionFilters(TypedDict, total=False):"
    yield '    """What executions are narrowed to, all of which must hold: as the parameters of the API."""\n'
    yield from (f"    {name}: {_taken(name, schema)}" for name, schema in said.items() if name not in _NO_FILTERS)
    yield ""


def _taken(name: str, schema: Schema) -> str:
    """What a parameter may be: times and amounts also as text."""
    if name == "label":
        return "Mapping[str, str] | Sequence[str]"
    if schema.get("type") == "array":
        return "str | Sequence[str]"
    kinds = [_kind(choice, {}) for choice in schema["anyOf"]]
    exact = {"datetime": ["datetime | str"], "float": ["Decimal | float"]}
    return " | ".join(dict.fromkeys(part for kind in kinds for part in exact.get(kind, [kind])))


def _class(name: str, schema: Schema, schemas: Schema) -> Iterator[str]:
    yield f"\nclass {name}(Struct, frozen=True, kw_only=True):"
    yield f'    """{schema.get("description", name)}"""\n'
    required = schema.get("required", ())
    for member, said in schema["properties"].items():
        kind = _kind(said, schemas)
        optional = "" if "None" in kind.split(" | ") or kind == "Any" else " | None"
        if keyword.iskeyword(member):
            default = "" if member in required else ", default=None"
            yield f'    {member}_: {kind}{optional if default else ""} = field(name="{member}"{default})'
        else:
            yield f"    {member}: {kind}" + ("" if member in required else f"{optional} = None")
    yield ""


def _kind(said: Schema, schemas: Schema) -> str:
    match said:
        case {"$ref": reference}:
            return _referred(reference.rpartition("/")[2], schemas)
        case {"anyOf": choices}:
            kinds = dict.fromkeys(_kind(choice, schemas) for choice in choices)
            return "Any" if "Any" in kinds else " | ".join(kinds)
        case {"type": "array", "items": items}:
            return f"list[{_kind(items, schemas)}]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"dict[str, {_kind(values, schemas)}]"
        case {"type": "object"}:
            return "dict[str, Any]"
        case {"type": "string"}:
            return "Decimal" if _MONEY in said.get("examples", ()) else _FORMATS.get(said.get("format", ""), "str")
        case {"type": kind}:
            return _SIMPLE[kind] if isinstance(kind, str) else "Any"
        case _:
            return "Any"


def _referred(name: str, schemas: Schema) -> str:
    return name if "properties" in schemas[name] else _kind(schemas[name], schemas)
