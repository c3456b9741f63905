"""The status state machine: which record a set of events gives, and why; what became of each event on arrival.

Pure: values in, values out. docs/lifecycle.md holds the rules in words and the diagram.
"""

from execledger_lifecycle.caps import Caps
from execledger_lifecycle.derived import endings
from execledger_lifecycle.explaining import ExplainedEntry, Explanation, NotApplied, Note, explain
from execledger_lifecycle.folding import fold
from execledger_lifecycle.judging import Judge, Outcome, Verdict
from execledger_lifecycle.order import Entry, StepKey, TryKey, enter, place, raised_by
from execledger_lifecycle.record import ExecutionRecord, StepRecord, execution_record, step_record
from execledger_lifecycle.state import AttemptFold, ExecutionFold, StepFold, StepFolds

__all__ = [
    "AttemptFold",
    "Caps",
    "Entry",
    "ExecutionFold",
    "ExecutionRecord",
    "ExplainedEntry",
    "Explanation",
    "Judge",
    "NotApplied",
    "Note",
    "Outcome",
    "StepFold",
    "StepFolds",
    "StepKey",
    "StepRecord",
    "TryKey",
    "Verdict",
    "endings",
    "enter",
    "execution_record",
    "explain",
    "fold",
    "place",
    "raised_by",
    "step_record",
]
