"""The models of `execledger_client`, as the OpenAPI document has them. Pure."""

import keyword
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_HEAD: Final = '''"""What the API answers. Written by `make schema`: change the routes instead."""

# fmt: off
from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct, field
'''
_OF_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError", "JsonValue")
_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS: Final = {"date-time": "datetime", "uuid": "UUID"}
_MONEY: Final = "0.0125"  # the example of each amount


def models(document: Schema) -> str:
    """A class for each object of the document.

    Words from closed sets are texts: a service that is newer than its client may know more of them.
    """
    schemas = document["components"]["schemas"]
    names = [name for name, schema in schemas.items() if name not in _OF_FRAMEWORK and "properties" in schema]
    return "\n".join([_HEAD, *("\n".join(_class(name, schemas[name], schemas)) for name in sorted(names))])


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
