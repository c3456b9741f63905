"""Pages of other origins: which may ask, and what those are told that may not."""

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI, Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware

from execledger_query.correlation import REQUEST_ID, TRACE_PARENT
from execledger_query.edge import LAG_HEADER
from execledger_query.problems import problem

_SENT: Final = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID")
_READ: Final = ("ETag", "Retry-After", LAG_HEADER)


def let_pages_ask(app: FastAPI, origins: Sequence[str]) -> None:
    """Pages of these origins may ask with their users' tokens; never with cookies, which mean nothing here."""
    app.add_middleware(
        _Pages,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=(*_SENT, REQUEST_ID, TRACE_PARENT),
        expose_headers=(*_READ, REQUEST_ID, TRACE_PARENT),
        max_age=600,
    )


class _Pages(CORSMiddleware):
    """As the original, but what it refuses is said as everything is."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        refused = bytes(answer.body).decode().removeprefix("Disallowed CORS ")
        return problem("forbidden", f"pages may not ask so: {refused} not allowed", headers=kept)
