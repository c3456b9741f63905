"""The OpenAPI document as a page to read: it loads nothing from anywhere, and runs no script. Pure."""

from collections.abc import Iterator, Mapping
from html import escape
from json import dumps
from typing import Any, Final

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser is to let it do: nothing but its own style."""

_MOST_EXAMPLE: Final = 100  # characters: a whole object is shown where its shape is

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h2{margin-top:3rem}h3{margin-top:2rem;font:600 1rem ui-monospace,monospace}"
    "table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #ddd;padding:.3rem .6rem;text-align:left;"
    "vertical-align:top}code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}td,th{border-color:#444}a{color:#8ab4ff}}"
)


def page(document: Mapping[str, Any]) -> str:
    """All operations and shapes of a document, as HTML."""
    info = document["info"]
    return "".join(
        (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>',
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>',
            f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('summary', ''))} ",
            'The same for machines: <a href="openapi.json">openapi.json</a>.</p><h2>Operations</h2>',
            *_operations(document["paths"]),
            "<h2>Shapes</h2>",
            *_shapes(document["components"]["schemas"]),
        )
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        for method, said in operations.items():
            yield f'<h3 id="{escape(said["operationId"])}">{method.upper()} {escape(path)}</h3>'
            yield f"<p>{escape(said.get('description', ''))}</p>"
            if parameters := said.get("parameters"):
                yield _table(("parameter", "in", "type", "meaning"), map(_parameter, parameters))
            if body := said.get("requestBody"):
                yield f"<p>Takes {_content(body)}.</p>"
            answers = sorted(said["responses"].items())
            yield _table(
                ("status", "answer", "shape"), ((s, escape(a["description"]), _content(a)) for s, a in answers)
            )


def _shapes(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f'<h3 id="shape-{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        members = schema.get("properties", {}).items()
        yield _table(("member", "type", "meaning", "example"), (_member(member, said) for member, said in members))


def _parameter(said: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"<code>{escape(said['name'])}</code>{', required' if said.get('required') else ''}"
    schema = said.get("schema", {})
    return name, said["in"], _type(schema), escape(said.get("description") or schema.get("description", ""))


def _member(name: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    example = dumps(said["examples"][0], ensure_ascii=False) if said.get("examples") else ""
    shown = f"<code>{escape(example)}</code>" if len(example) <= _MOST_EXAMPLE else ""
    return f"<code>{escape(name)}</code>", _type(said), escape(said.get("description", "")), shown


def _content(said: Mapping[str, Any]) -> str:
    kinds = said.get("content", {}).items()
    return ", ".join(f"{_type(each.get('schema', {}))} as <code>{escape(kind)}</code>" for kind, each in kinds)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, choices))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(word))}</code>" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _table(heads: tuple[str, ...], rows: Any) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
