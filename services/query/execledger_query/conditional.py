"""HEAD as GET without a body, and answers about one execution only to who does not have them yet."""

from hashlib import blake2b
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execledger_query.service import WITHOUT_BODY

_OF_ONE: Final = "/v1/executions/"
_DIGEST_BYTES: Final = 16


class Conditional:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET", WITHOUT_BODY: scope["method"] == "HEAD"}
        reply = _Reply(scope, send)
        try:
            await self._app(asked, receive, reply.send)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]  # for the log, and metrics


class _Reply:
    """Sends an answer on: without a body to HEAD, and where the client has it already."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._is_head = scope["method"] == "HEAD"
        self._is_tagged = scope["path"].startswith(_OF_ONE)
        self._known = Headers(scope=scope).get("if-none-match", "")
        self._send = send
        self._start: Message | None = None
        self._has_ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200 and self._is_tagged:
            self._start = message  # it waits for the body, which it tells of
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif not self._has_ended:
            await self._send_body(message)

    async def _send_body(self, message: Message) -> None:
        start, self._start = self._start, None
        is_whole = not message.get("more_body", False)
        if start is not None:
            if is_whole and self._is_known(start, message.get("body", b"")):
                message = {**message, "body": b""}
            await self._send(start)
        if self._is_head:
            self._has_ended = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _is_known(self, start: Message, body: bytes) -> bool:
        """Give the answer its tag; whether the client has what it is of, and so is told that alone."""
        digest = blake2b(body, digest_size=_DIGEST_BYTES).hexdigest()
        tag = f'"{digest}"'
        headers = MutableHeaders(scope=start)
        headers["ETag"] = tag
        if not names(self._known, tag):
            return False
        start["status"] = 304
        for name in ("content-length", "content-type"):
            del headers[name]
        return True


def names(known: str, tag: str) -> bool:
    """Whether an If-None-Match has that tag among those that it names; a weak one is as good.

    >>> names('"a", W/"b"', '"b"'), names("*", '"b"'), names('"a"', '"b"'), names("", '"b"')
    (True, True, False, False)
    """
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in known.split(","))
