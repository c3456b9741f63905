"""The one package that knows Postgres: a module for each subject, a file for each statement."""

from execledger_recorder.store.batch import Batch
from execledger_recorder.store.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    DeadLetterGroup,
    KeptDeadLetter,
    Redriving,
)
from execledger_recorder.store.limits import DailyLimit
from execledger_recorder.store.outbox import OutboxRow, Relay, pack_headers, unpack_headers
from execledger_recorder.store.postgres import Store
from execledger_recorder.store.usage import USAGE_MARKS_AT_ONCE
from execledger_recorder.store.watchdog import Watch

__all__ = [
    "USAGE_MARKS_AT_ONCE",
    "Batch",
    "DailyLimit",
    "DeadLetter",
    "DeadLetterFilter",
    "DeadLetterGroup",
    "KeptDeadLetter",
    "OutboxRow",
    "Redriving",
    "Relay",
    "Store",
    "Watch",
    "pack_headers",
    "unpack_headers",
]
