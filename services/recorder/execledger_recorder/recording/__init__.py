"""One batch of Kafka records into the store: fetch what is known, decide, write."""

from execledger_recorder.recording.batch import record
from execledger_recorder.recording.dead_letters import Letters
from execledger_recorder.recording.reading import read, read_in_turns
from execledger_recorder.recording.refolding import Folded, fold_log, refold, restore, restore_executions
from execledger_recorder.recording.report import Report
from execledger_recorder.recording.trust import Trust
from execledger_recorder.rules.arrivals import Read

__all__ = [
    "Folded",
    "Letters",
    "Read",
    "Report",
    "Trust",
    "fold_log",
    "read",
    "read_in_turns",
    "record",
    "refold",
    "restore",
    "restore_executions",
]
