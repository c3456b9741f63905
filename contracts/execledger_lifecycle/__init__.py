"""The status state machine: which record a set of events gives, and why; what became of each event on arrival.

Pure: values in, values out. docs/lifecycle.md holds the rules in words and the diagram.
"""

from execledger_lifecycle.derived import endings
from execledger_lifecycle.explaining import ExplainedEvent, Explanation, NotApplied, explain
from execledger_lifecycle.folding import fold
from execledger_lifecycle.judging import Judge, Outcome, Verdict
from execledger_lifecycle.order import Entry, enter
from execledger_lifecycle.record import ExecutionRecord, StepRecord, execution_record, step_record
from execledger_lifecycle.state import Attempt, Execution, Step, StepKey

__all__ = [
    "Attempt",
    "Entry",
    "Execution",
    "ExecutionRecord",
    "ExplainedEvent",
    "Explanation",
    "Judge",
    "NotApplied",
    "Outcome",
    "Step",
    "StepKey",
    "StepRecord",
    "Verdict",
    "endings",
    "enter",
    "execution_record",
    "explain",
    "fold",
    "step_record",
]
