"""An orchestrator that really works while the demo looks on. Its child spends more than they may: both are halted."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from execledger_publisher import Budget, Execution, ExecutionStopped, Publisher, Stop, Workflow

COST_LIMIT_USD: Final = Decimal("0.10")
_COST_OF_A_CALL_USD: Final = Decimal("0.02")
_SECONDS_OF_A_CALL: Final = 0.2
_CALLS_OF_THE_WHOLE_WORK: Final = 30  # six would be too expensive


@dataclass(frozen=True, slots=True)
class Overspent:
    """What became of it. `stop` is None when nobody stopped it."""

    external_id: str
    stop: Stop | None
    events: int


async def overspend(bootstrap_servers: str, events_topic: str, control_topic: str) -> Overspent:
    """Ask a model again and again, until done or stopped."""
    publisher = Publisher(bootstrap_servers, "urn:acme:flows", topic=events_topic, control_topic=control_topic)
    stop = None
    async with publisher:
        execution = publisher.execution(
            workflow=Workflow(name="Market entry", version="2.1"),
            budget=Budget(cost_limit_usd=COST_LIMIT_USD),
        )
        try:
            async with execution:
                await _research(execution)
        except ExecutionStopped as stopped:
            stop = stopped.stop
    return Overspent(execution.id, stop, publisher.stats.sent)


async def _research(execution: Execution) -> None:
    """In an execution of its own; the budget is that of the whole tree."""
    async with (
        execution.step("research"),
        execution.execution(workflow=Workflow(name="Research", version="1.0")) as child,
        child.step("ask", operation="llm") as step,
    ):
        for _ in range(_CALLS_OF_THE_WHOLE_WORK):
            await asyncio.sleep(_SECONDS_OF_A_CALL)
            step.llm_called(
                provider="anthropic",
                model="claude-sonnet-4-0",
                prompt_tokens=4_000,
                completion_tokens=500,
                cost_usd=_COST_OF_A_CALL_USD,
            )
