"""The contract for readers of other languages: JSON Schemas, an AsyncAPI document, golden samples, and
what adapters make of the events of other systems.

`python -m execledger_contracts.schema` writes them into the repository; with `--check` it writes nothing, names the
files that differ, and exits 1.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from execledger_contracts.adapters.examples import example
from execledger_contracts.control import COMMANDS, Command
from execledger_contracts.ignored import Rule
from execledger_contracts.models import COSTS_THE_EVENT, DATASCHEMA, EVENTS, TABLE_EVENTS, CloudEvent, OtherEvent
from execledger_contracts.samples import INVALID, LENIENT, VALID, invalid_document, lenient_document, valid_document
from execledger_contracts.types import pattern_of

ROOT: Final = Path(__file__).resolve().parents[1]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS: Final = "#/components/schemas/"
_STRUCTURED: Final = "application/cloudevents+json"
_KEY: Final = {"type": "string", "description": "The root execution's external id, so that a tree stays in order."}
_DEAD_LETTER_HEADERS: Final = {
    "execledger-reason": "tombstone, not_utf8, not_json, not_cloudevent, invalid, unsupported_version, too_large,"
    " unstorable or forbidden",
    "execledger-detail": "the field path and the rule it breaks",
    "execledger-topic": "where the record was read",
    "execledger-partition": "where the record was read",
    "execledger-offset": "where the record was read",
    "execledger-timestamp": "the record's own timestamp, in milliseconds",
}


def documents() -> dict[str, str]:
    """Every generated file: its path under the contracts folder, and its text."""
    return {
        **{f"schema/{event.canonical}.json": _text(event_schema(event)) for event in EVENTS},
        "schema/asyncapi.json": _text(asyncapi()),
        **{f"samples/valid/{sample.name}.json": _text(valid_document(sample)) for sample in VALID},
        **{f"samples/lenient/{sample.name}.json": _text(lenient_document(sample)) for sample in LENIENT},
        **{f"samples/invalid/{sample.name}.json": _text(invalid_document(sample)) for sample in INVALID},
        **{f"foreign/{file.stem}.json": _translated(file) for file in sorted((ROOT / "foreign").glob("*.jsonl"))},
    }


def event_schema(event: type[CloudEvent]) -> dict[str, Any]:
    """The JSON Schema of one type's structured form, complete in itself."""
    schema = _tidied(event.model_json_schema(schema_generator=_Generator))
    head = {"$schema": _DIALECT, "$id": f"{DATASCHEMA}:{event.canonical}", "title": event.canonical}
    return {**head, **{key: value for key, value in _event(event, schema).items() if key not in head}}


def asyncapi() -> dict[str, Any]:
    """The three topics, what they carry, and who sends it."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*EVENTS, *COMMANDS)],
        ref_template=_SCHEMAS + "{model}",
        schema_generator=_Generator,
    )
    events = {event.__name__: event for event in (*EVENTS, *COMMANDS)}
    models = {
        name: _event(events[name], schema) if name in events else schema
        for name, schema in _tidied(schemas["$defs"]).items()
        if "properties" in schema
    }
    messages = {
        **{event.canonical: _structured(event, event.canonical) for event in EVENTS},
        **{f"{event.canonical}.binary": _binary(event) for event in EVENTS},
        **{_type_of(command): _structured(command, _type_of(command)) for command in COMMANDS},
        "dead-letter": _dead_letter(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Execledger",
            "version": DATASCHEMA.rpartition(":")[2],
            "description": "Lifecycle events of workflow and agent executions: CloudEvents 1.0 in JSON. Within a major "
            "version fields are only added; unknown fields are kept and change nothing.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": messages, "schemas": {**models, "JsonValue": {}, "BinaryHeaders": _headers()}},
    }


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _tidied(schema: Any) -> Any:
    """Without the defaults that only say that a field is optional."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _tidied(value) for key, value in schema.items() if key != "default" or not isinstance(value, dict | None)
    }


def _event(event: type[CloudEvent], schema: dict[str, Any]) -> dict[str, Any]:
    """A CloudEvent's schema: an optional attribute may be null, which is to leave it out; and what a breach costs."""
    required = schema["required"]
    properties = {name: rule if name in required else _or_null(rule) for name, rule in schema["properties"].items()}
    if issubclass(event, Command):
        return {**schema, "properties": properties}
    properties["type"] = {**properties["type"], **_type_rule(event)}
    costs = {
        name: {**rule, "x-costs": "event" if name in COSTS_THE_EVENT else "field"} for name, rule in properties.items()
    }
    return {**schema, "description": f"{schema['description']} {_COSTS}", "properties": costs}


_COSTS: Final = (
    "A record whose bytes can be read is refused only for the properties that cost the event, for a step without id "
    "and name, and for another major version of our dataschema. Whatever else does not fit costs its field: it is read "
    f"as what it plainly means, or left out, and noted with the event by one of these rules: {', '.join(Rule)}."
)


def _type_rule(event: type[CloudEvent]) -> dict[str, Any]:
    if event is OtherEvent:
        return {"not": {"pattern": pattern_of(*(known.canonical for known in TABLE_EVENTS))}}
    return {"pattern": pattern_of(event.canonical)}


def _type_of(command: type[Command]) -> str:
    return str(command.model_fields["type"].default)


def _or_null(rule: dict[str, Any]) -> dict[str, Any]:
    null = {"type": "null"}
    default = {"default": rule["default"]} if "default" in rule else {}
    rule = {key: value for key, value in rule.items() if key != "default"}
    choices = rule.get("anyOf", [rule])
    return {"anyOf": choices if null in choices else [*choices, null], **default}


def _structured(event: type[CloudEvent], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": event.__doc__,
        "contentType": _STRUCTURED,
        "payload": {"$ref": _SCHEMAS + event.__name__},
        "bindings": {"kafka": {"key": _KEY}},
    }


def _binary(event: type[CloudEvent]) -> dict[str, Any]:
    """The attributes as headers, the data as value."""
    data = event.model_fields["data"].annotation
    return {
        "name": event.canonical,
        "summary": f"{event.__doc__} In binary mode.",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [{"$ref": _SCHEMAS + "BinaryHeaders"}],
            "properties": {"ce_type": _type_rule(event)},
        },
        "payload": {"$ref": _SCHEMAS + getattr(data, "__name__", "JsonValue")},
        "bindings": {"kafka": {"key": _KEY}},
    }


def _headers() -> dict[str, Any]:
    attributes = CloudEvent.model_fields.items()
    return {
        "type": "object",
        "description": "The attributes of an event in binary mode, as UTF-8 text.",
        "properties": {
            f"ce_{name}": {"type": "string", "x-costs": "event" if name in COSTS_THE_EVENT else "field"}
            for name, _ in attributes
        },
        "required": [f"ce_{name}" for name, field in attributes if field.is_required()],
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "dead-letter",
        "summary": "A record that could not be decoded or stored: key, headers and value as they came.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", "description": description}
                for name, description in _DEAD_LETTER_HEADERS.items()
            },
            "required": list(_DEAD_LETTER_HEADERS),
        },
        "payload": {"description": "The original bytes; none for a tombstone."},
    }


def _channels() -> dict[str, Any]:
    events = [event.canonical for event in EVENTS]
    return {
        "events": _channel(
            "executions.events",
            "What orchestrators report. Key: the root execution id. Structured mode (one JSON object) or binary mode "
            "(attributes as `ce_` headers, data as value).",
            [*events, *(f"{name}.binary" for name in events)],
        ),
        "deadLetter": _channel("executions.dead-letter", "What could not be read, whole, and why.", ["dead-letter"]),
        "control": _channel(
            "executions.control",
            "What orchestrators are asked to do. Key: the root execution id.",
            [_type_of(command) for command in COMMANDS],
        ),
    }


def _channel(address: str, description: str, messages: Iterable[str]) -> dict[str, Any]:
    return {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operations() -> dict[str, Any]:
    ours = ("execution.timed_out", "execution.cancel_requested")
    return {
        "recordEvents": {
            "action": "receive",
            "channel": {"$ref": "#/channels/events"},
            "summary": "Every event becomes part of its execution's record.",
        },
        "reportEvents": {
            "action": "send",
            "channel": {"$ref": "#/channels/events"},
            "summary": "The watchdog ends what went silent; a request to cancel is an event too.",
            "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in ours],
        },
        "setAside": {"action": "send", "channel": {"$ref": "#/channels/deadLetter"}},
        "command": {"action": "send", "channel": {"$ref": "#/channels/control"}},
    }


def _translated(file: Path) -> str:
    return _text(example(file.stem, file.read_bytes().splitlines()))


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def drifted(root: Path) -> list[str]:
    """The files under `root` that are missing, differ, or are no longer generated."""
    wanted = documents()
    found = {
        path.relative_to(root).as_posix()
        for folder in ("schema", "samples", "foreign")
        for path in (root / folder).rglob("*.json")
    }
    return sorted(
        name
        for name in wanted.keys() | found
        if name not in found or wanted.get(name) != (root / name).read_text("utf-8")
    )


def write(root: Path) -> None:
    """Bring the generated files under `root` up to date."""
    wanted = documents()
    for name in drifted(root):
        if name in wanted:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(wanted[name], "utf-8")
        else:
            (root / name).unlink()


def main(arguments: list[str]) -> int:
    """The exit status: with `--check`, 1 when a file drifted."""
    names = drifted(ROOT)
    for name in names:
        sys.stdout.write(f"contracts/{name}\n")
    if arguments == ["--check"]:
        return 1 if names else 0
    write(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
