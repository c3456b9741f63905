"""What the API answers instead of what was asked: problem details, RFC 9457."""

from typing import Any

import msgspec


class ProblemError(Exception):
    """The API said no, or a stream was cut off: `type`, `status` (0 in a stream), `detail`, `errors`, `retry_after`."""

    def __init__(
        self,
        type: str,  # noqa: A002 - the name that it has in an answer
        status: int,
        detail: str,
        errors: list[dict[str, Any]],
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or type)
        self.type = type
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after

    @property
    def name(self) -> str:
        """The last word of its type, as `not-found`."""
        return self.type.rpartition(":")[2]

    @property
    def may_pass(self) -> bool:
        """Whether the same may succeed a moment later."""
        return self.name in ("unavailable", "too-many-requests", "slow-client") or self.status in (502, 503, 504)


def problem_of(status: int, body: bytes, retry_after: str | None) -> ProblemError:
    """The problem of an answer; of one that is none of ours, as a proxy's, what there is."""
    seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    return ProblemError(
        str(said.get("type", "about:blank")),
        status,
        str(said.get("detail") or f"the service answered {status}"),
        [error for error in said.get("errors") or () if isinstance(error, dict)],
        seconds,
    )
