"""The types of what the API answers, for the type checker of the console, as the OpenAPI document has them. Pure."""

from collections.abc import Iterator, Mapping
from json import dumps
from typing import Any, Final

Schema = Mapping[str, Any]

_HEAD: Final = "// What the API takes and answers. Written by `make schema`: change the routes instead.\n"
_OF_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError")
_SIMPLE: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_OURS: Final = "/v1/"


def types(document: Schema) -> str:
    """An interface for each object, and in `Gets` what each address takes and answers."""
    schemas: Schema = document["components"]["schemas"]
    names = sorted(name for name in schemas if name not in _OF_FRAMEWORK)
    shapes = [line for name in names for line in _shape(name, schemas[name])]
    gets = [line for path, said in document["paths"].items() if path.startswith(_OURS) for line in _get(path, said)]
    return "\n".join([_HEAD, *shapes, "export interface Gets {", *gets, "}", ""])


def _shape(name: str, schema: Schema) -> Iterator[str]:
    if "properties" not in schema:
        yield f"export type {name} = {'unknown' if name == 'JsonValue' else _kind(schema)};\n"
        return
    required = schema.get("required", ())
    yield f"export interface {name} {{"
    for member, said in schema["properties"].items():
        yield f"  {_key(member)}{'' if member in required else '?'}: {_kind(said)};"
    yield "}\n"


def _get(path: str, operations: Schema) -> Iterator[str]:
    """Of a GET that answers JSON."""
    answers = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    if "application/json" not in answers:
        return
    yield f"  {dumps(path)}: {{"
    for where in ("path", "query"):
        given = [each for each in operations["get"].get("parameters", ()) if each["in"] == where]
        members = "".join(f" {_key(each['name'])}{_optional(each)}: {_kind(each['schema'])};" for each in given)
        yield f"    {where}: {{{members} }};" if members else f"    {where}: Record<string, never>;"
    yield f"    answer: {_kind(answers['application/json']['schema'])};"
    yield "  };"


def _optional(parameter: Schema) -> str:
    return "" if parameter.get("required") else "?"


def _key(name: str) -> str:
    return name if name.isidentifier() else dumps(name)


def _kind(said: Schema) -> str:
    match said:
        case {"$ref": reference}:
            return str(reference.rpartition("/")[2])
        case {"anyOf": choices} | {"oneOf": choices}:
            return " | ".join(dict.fromkeys(_kind(choice) for choice in choices))
        case {"enum": words}:
            return " | ".join(map(dumps, words))
        case {"const": word}:
            return dumps(word)
        case {"type": "array", "items": items}:
            return f"({_kind(items)})[]" if " | " in _kind(items) else f"{_kind(items)}[]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Record<string, {_kind(values)}>"
        case {"type": "object"}:
            return "Record<string, unknown>"
        case {"type": str(kind)}:
            return _SIMPLE.get(kind, "unknown")
        case _:
            return "unknown"
