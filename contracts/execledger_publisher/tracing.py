"""W3C trace context: which trace an execution belongs to."""

import os
import re
import sys
from typing import Final

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def choose_traceparent(given: str | None, parent: str | None) -> str | None:
    """The trace context of an execution: as given, else the current OpenTelemetry span's, else the inherited one.

    Inherited is the parent's, and the environment's where there is no parent. A child stays in its parent's trace: a
    span of another trace is not taken for it. What is no trace context is ignored, as the W3C asks for.
    """
    inherited = parent or os.environ.get("TRACEPARENT")
    for candidate in (given, _of_current_span(), inherited):
        if isinstance(candidate, str) and _TRACEPARENT.fullmatch(candidate) and _continues(candidate, parent, given):
            return candidate
    return None


def _continues(candidate: str, parent: str | None, given: str | None) -> bool:
    return candidate is given or parent is None or _trace_id(candidate) == _trace_id(parent)


def _trace_id(traceparent: str) -> str:
    return traceparent.split("-")[1]


def _of_current_span() -> str | None:
    """Nothing is imported for it: where nobody has imported OpenTelemetry, no span is current."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
