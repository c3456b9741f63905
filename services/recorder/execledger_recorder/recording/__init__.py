"""One batch of Kafka records into the store: fetch what is known, decide, write."""

from execledger_recorder.recording.batch import (
    Folded,
    Read,
    Report,
    fold_log,
    latest,
    read,
    read_in_turns,
    record,
    refold,
)

__all__ = ["Folded", "Read", "Report", "fold_log", "latest", "read", "read_in_turns", "record", "refold"]
