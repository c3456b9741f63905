"""The SDK with which an orchestrator publishes its executions.

async with Publisher("localhost:9092", source="urn:acme:agents") as publisher:
    async with publisher.execution(workflow="research") as execution:
        async with execution.step("draft") as step:
            step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, completion_tokens=220)
"""

from execledger_contracts.control import Limit, LimitData
from execledger_contracts.models import Budget, Owner, Trigger, Usage, Workflow
from execledger_publisher.calls import LlmBlock, LlmOptions, ToolBlock, ToolOptions
from execledger_publisher.clock import Clock
from execledger_publisher.commands import ExecutionStopped, Stop
from execledger_publisher.drops import Drop, DropReason, PublishError, Stats
from execledger_publisher.encoding import Record
from execledger_publisher.execution import Execution, current_execution, current_step
from execledger_publisher.identifiers import Uuid7
from execledger_publisher.publications import Collector
from execledger_publisher.publisher import Publisher, SyncPublisher
from execledger_publisher.said import ExecutionOptions, Outcome, StepOptions, StepOutcome
from execledger_publisher.step import Step

__all__ = [
    "Budget",
    "Clock",
    "Collector",
    "Drop",
    "DropReason",
    "Execution",
    "ExecutionOptions",
    "ExecutionStopped",
    "Limit",
    "LimitData",
    "LlmBlock",
    "LlmOptions",
    "Outcome",
    "Owner",
    "PublishError",
    "Publisher",
    "Record",
    "Stats",
    "Step",
    "StepOptions",
    "StepOutcome",
    "Stop",
    "SyncPublisher",
    "ToolBlock",
    "ToolOptions",
    "Trigger",
    "Usage",
    "Uuid7",
    "Workflow",
    "current_execution",
    "current_step",
]
