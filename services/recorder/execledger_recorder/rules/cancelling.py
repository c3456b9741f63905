"""What a request to cancel becomes: an event of each execution that it is about."""

from datetime import datetime
from typing import Final, NamedTuple

from execledger_recorder.rules.own_events import own_event, own_id

SOURCE: Final = "execledger:api"
_TYPE: Final = "execution.cancel_requested"


class ToCancel(NamedTuple):
    """An open execution that somebody asked to cancel, by itself or with one above it."""

    requested_by: str
    key: str
    reason: str | None
    requested_at: datetime
    tenant_id: str
    external_id: str
    root_execution_id: str
    attempt: int
    topic: str  # of its first event among those that are read now


def cancel_requested(asked: ToCancel) -> bytes:
    """The event that says so."""
    id_ = own_id(_TYPE, asked.tenant_id, asked.external_id, asked.requested_by, asked.key)
    said = {"requested_by": asked.requested_by, "reason": asked.reason}
    return own_event(SOURCE, _TYPE, id_, asked, asked.requested_at, said)
