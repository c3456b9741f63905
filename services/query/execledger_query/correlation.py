"""By what a request is found again: its id, and the trace that it belongs to. Pure."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import uuid4

REQUEST_ID: Final = "X-Request-Id"
TRACE_PARENT: Final = "traceparent"

_is_id: Final = re.compile(r"[A-Za-z0-9._:/=+@-]{1,128}").fullmatch
_is_trace: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


class Correlation(NamedTuple):
    """What the client said, or a new id; a trace that is none is as if nothing was said."""

    request_id: str
    traceparent: str | None

    @property
    def trace_id(self) -> str | None:
        return None if self.traceparent is None else self.traceparent.split("-")[1]


def correlation_of(headers: Mapping[str, str]) -> Correlation:
    """Of a request with these headers.

    >>> correlation_of({"x-request-id": "a-1", "traceparent": "none"})
    Correlation(request_id='a-1', traceparent=None)
    """
    said, trace = headers.get(REQUEST_ID.lower(), ""), headers.get(TRACE_PARENT, "")
    return Correlation(said if _is_id(said) else str(uuid4()), trace if _is_trace(trace) else None)
