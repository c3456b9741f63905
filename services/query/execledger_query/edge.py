"""The outermost layer: every request is answered, timed and logged once, and every answer says how fresh it is."""

import time
from typing import Final
from urllib.parse import urlsplit

import structlog
from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execledger_query.correlation import REQUEST_ID, TRACE_PARENT, Correlation, correlation_of
from execledger_query.freshness import Freshness
from execledger_query.problems import problem
from execledger_query.service import WHO_ASKED
from execledger_query.settings import is_loopback

LAG_HEADER: Final = "Execledger-Lag-Seconds"
_UNMATCHED: Final = "unmatched"  # one label for all addresses that are none: they are the client's to choose
_PIECE_BYTES: Final = 65_536
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, only_local_names: bool = False) -> None:
        """With `only_local_names` a request for any other host is refused."""
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._only_local_names = only_local_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {})}  # routes say there who asked
        correlation = correlation_of(Headers(scope=scope))
        answer = _Answer(scope, send, scope["app"].state.services.freshness, correlation)
        started_at = time.perf_counter()
        try:
            await self._answered(scope, receive, answer)
        finally:
            self._noted(scope, answer, correlation, time.perf_counter() - started_at)

    async def _answered(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if refusal := self._refusal(scope):
            await refusal(scope, receive, answer.send)
            return
        try:
            await self._app(scope, self._bounded(receive), answer.send)
        except Exception:  # a bug: said once here, and to the client only that it happened
            log.exception("request_failed", route=_route(scope), method=scope["method"])
            if answer.status is not None:
                raise
            await problem("internal", "this should not have happened; it has been logged")(scope, receive, answer.send)

    def _bounded(self, receive: Receive) -> Receive:
        """A body that does not announce its size is counted as it comes."""
        left = self._max_body_bytes

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        return bounded

    def _refusal(self, scope: Scope) -> Response | None:
        if _announced_bytes(scope) > self._max_body_bytes:
            detail = f"at most {self._max_body_bytes} bytes are taken"
            return problem("too-large", detail, headers={"Connection": "close"})
        if self._only_local_names and not _is_for_this_machine(scope):
            # A page of a stranger whose name leads here would read on behalf of whoever looks at it.
            return problem("forbidden", "without tokens the Host header has to name this machine, as 127.0.0.1 does")
        return None

    def _noted(self, scope: Scope, answer: "_Answer", correlation: Correlation, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        status = answer.status or 499  # gone before there was an answer
        histogram: Histogram = scope["app"].state.request_seconds
        histogram.labels(method, _route(scope), str(status)).observe(seconds)
        log.info(
            "request",
            method=method,
            route=_route(scope),
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=correlation.request_id,
            **({"trace_id": correlation.trace_id} if correlation.trace_id else {}),
            **scope["state"].get(WHO_ASKED, {}),
        )


class _Answer:
    """Sends an answer on, with the headers that each has."""

    def __init__(self, scope: Scope, send: Send, freshness: Freshness, correlation: Correlation) -> None:
        self._is_data = scope["path"] == "/v1" or scope["path"].startswith("/v1/")
        self._send = send
        self._freshness = freshness
        self._correlation = correlation
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers[REQUEST_ID] = self._correlation.request_id
            if self._correlation.traceparent is not None:
                headers[TRACE_PARENT] = self._correlation.traceparent
            if self._is_data:
                await self._add_freshness(headers)
            else:
                headers.setdefault("Cache-Control", "no-store")
        if len(message.get("body", b"")) > _PIECE_BYTES:
            await self._send_in_pieces(message)
        else:
            await self._send(message)

    async def _send_in_pieces(self, message: Message) -> None:
        """Each goes when the one before has: what a client is slow to read is held by its request, which counts."""
        body, more_body = message["body"], message.get("more_body", False)
        for start in range(0, len(body), _PIECE_BYTES):
            end = start + _PIECE_BYTES
            await self._send({**message, "body": body[start:end], "more_body": more_body or end < len(body)})

    async def _add_freshness(self, headers: MutableHeaders) -> None:
        headers.setdefault("Cache-Control", "private, no-cache")
        headers.add_vary_header("Authorization")
        seconds = await self._freshness.seconds()
        if seconds is not None:
            headers[LAG_HEADER] = f"{seconds:.3f}".rstrip("0").rstrip(".")


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", _UNMATCHED)


def _is_for_this_machine(scope: Scope) -> bool:
    try:
        return is_loopback(urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or "")
    except ValueError:
        return False


def _announced_bytes(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0
