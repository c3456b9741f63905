"""Every operation of the OpenAPI document, asked by anybody: routes that are new are walked by themselves."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI

_STREAM_SECONDS = 1.5  # one that never ends is cut off then


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that an operation takes."""

    method: str
    route: str
    path: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}{f'?{self.query}' if self.query else ''}"


@dataclass(slots=True)
class Answered:
    """What came of it, as far as it came in time."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def operations(document: Mapping[str, Any], known: Mapping[str, Mapping[str, str]]) -> Iterator[Asked]:
    """Each operation with what it must be told, and once more with payloads where it takes that.

    `known` has the values of parameters, by the beginning of a route, the longest that fits, and then by name.
    """
    for route, methods in document["paths"].items():
        values = known[max((start for start in known if route.startswith(start)), key=len)]
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            needed = {each["name"]: _value(each, values) for each in parameters if each.get("required")}
            path, query = route, {}
            for name, value in needed.items():
                if f"{{{name}}}" in path:
                    path = path.replace(f"{{{name}}}", quote(value, safe=""))
                else:
                    query[name] = value
            yield Asked(method.upper(), route, path, urlencode(query))
            if any(each["name"] == "include" for each in parameters):
                yield Asked(method.upper(), route, path, urlencode({**query, "include": "payloads"}))


async def ask(app: FastAPI, asked: Asked, headers: Mapping[str, str]) -> Answered:
    """Send a request to the application itself."""
    found, is_sent = Answered(), asyncio.Event()
    body = b"{}" if asked.method == "POST" else b""
    said = {**headers, "host": "localhost", "content-type": "application/json", "content-length": str(len(body))}

    async def receive() -> dict[str, Any]:
        if is_sent.is_set():
            await asyncio.Event().wait()
        is_sent.set()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.status = message["status"]
            found.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        found.body += message.get("body", b"")

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": "http",
        "path": asked.path, "raw_path": asked.path.encode(), "query_string": asked.query.encode(), "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "state": {}, "app": app,
    }  # fmt: skip
    with suppress(TimeoutError):
        async with asyncio.timeout(None if "stream" not in asked.route else _STREAM_SECONDS):
            await app(scope, receive, send)
    return found


def _value(parameter: Mapping[str, Any], values: Mapping[str, str]) -> str:
    if (name := parameter["name"]) in values:
        return values[name]
    schema = parameter.get("schema", {})
    offered = [*schema.get("enum", ()), *schema.get("examples", ()), *parameter.get("examples", ())]
    if not offered:
        raise LookupError(f"say what {name} is to be: {json.dumps(parameter)}")
    return str(offered[0])
