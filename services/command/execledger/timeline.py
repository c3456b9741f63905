"""One execution as a timeline: what was read of it, and how a terminal shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from rich.console import Console, Group
from rich.panel import Panel
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

from execledger.terminal import escaped, lines_of
from execledger_contracts.status import Status
from execledger_lifecycle.timeline import ended_as, failing_step
from execledger_query.execution.timeline import TimedStep
from execledger_query.store import Reader, Row
from execledger_query.views import (
    Execution,
    Step,
    execution_of,
    execution_sources,
    show_money,
    show_time,
    step_of,
    step_sources,
)

_BAR: Final = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of the whole execution."""

    number: int
    status: Status
    started_at: datetime
    ended_at: datetime | None
    llm_calls: int
    tool_calls: int
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Timeline:
    """An execution, its attempts, and the step at which the last of them failed."""

    execution: Execution
    attempts: Sequence[Attempt]
    failing: Step | None


async def read(reader: Reader, row: Row) -> Timeline:
    """Everything that is shown of an execution."""
    steps = await reader.steps(row["id"], None, None)
    payloads = await reader.payloads({*execution_sources([row]), *step_sources(steps)})
    execution = execution_of(row, payloads, await reader.trees([row]))
    shown = [step_of(step, payloads) for step in steps]
    attempts = [
        _attempt(attempt, execution, [step for step in shown if step.attempt == attempt["attempt"]])
        for attempt in await reader.attempts(row["id"])
        if attempt["attempt"] <= execution.attempt
    ]
    failing = failing_step(execution, [TimedStep.of(step) for step in steps])
    return Timeline(execution, attempts, failing and shown[steps.index(failing.row)])


def as_document(timeline: Timeline) -> dict[str, Any]:
    """The same for programs."""
    return {
        "execution": timeline.execution.model_dump(mode="json"),
        "attempts": [
            {
                "attempt": attempt.number,
                "status": attempt.status,
                "started_at": show_time(attempt.started_at),
                "ended_at": show_time(attempt.ended_at) if attempt.ended_at else None,
                "llm_calls": attempt.llm_calls,
                "tool_calls": attempt.tool_calls,
            }
            for attempt in timeline.attempts
        ],
        "steps": [step.model_dump(mode="json") for attempt in timeline.attempts for step in attempt.steps],
        "failing": timeline.failing.model_dump(mode="json") if timeline.failing else None,
    }


def draw(timeline: Timeline, console: Console) -> None:
    """Show it to somebody."""
    console.print(_header(timeline.execution))
    for attempt in timeline.attempts:
        console.print(_attempt_line(attempt, timeline.execution))
        if attempt.steps:
            console.print(_steps(attempt, timeline.failing))
    if timeline.failing:
        console.print(_failure(timeline.failing))


def length(milliseconds: float | None) -> str:
    """For people.

    >>> length(None), length(820), length(1250), length(185000), length(7380000)
    ('', '820 ms', '1.2 s', '3 min 5 s', '2 h 3 min')
    """
    if milliseconds is None:
        return ""
    seconds = int(milliseconds // 1000)
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{int(milliseconds // 100) / 10} s"
    return (
        f"{seconds // 60} min {seconds % 60} s" if seconds < 3600 else f"{seconds // 3600} h {seconds % 3600 // 60} min"
    )


def _style(status: Status) -> str:
    match status:
        case Status.COMPLETED:
            return "green"
        case Status.FAILED | Status.TIMED_OUT:
            return "bold red"
        case Status.CANCELLED:
            return "yellow"
        case Status.RUNNING:
            return "cyan"
        case Status.PENDING | Status.SKIPPED:
            return "dim"
        case _:
            assert_never(status)


def _attempt(row: Row, execution: Execution, steps: Sequence[Step]) -> Attempt:
    """The last attempt is as the execution is; what ended an earlier one is in the log."""
    last = row["attempt"] == execution.attempt
    return Attempt(
        number=row["attempt"],
        status=execution.status if last else ended_as(row["ending"]),
        started_at=(execution.started_at if last else None) or row["started_at"],
        ended_at=execution.ended_at if last else row["ended_at"] or row["last_event_at"],
        llm_calls=row["llm_calls"],
        tool_calls=row["tool_calls"],
        steps=steps,
    )


def _header(execution: Execution) -> Group:
    title = Text.assemble(
        (execution.status, _style(execution.status)),
        (" (provisional)" if execution.provisional else "", "dim"),
        f"  {_workflow(execution)}  ",
        (escaped(execution.external_id), "bold"),
    )
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(execution):
        if value:
            facts.add_row(Text(f"  {name}", style="dim"), Text(lines_of(value)))
    return Group(title, facts, Text())


def _facts(execution: Execution) -> list[tuple[str, str]]:
    usage, owner, error = execution.usage, execution.owner, execution.error
    times = [execution.started_at or execution.created_at, execution.ended_at]
    calls = f"{usage.total_tokens:,} tokens, ${show_money(usage.cost_usd)}"
    return [
        ("id", str(execution.id)),
        ("tenant", execution.tenant_id),
        ("owner", " ".join(filter(None, [owner.id, owner.name, owner.email])) if owner else ""),
        ("time", " to ".join(show_time(at) for at in times if at) + f"  {length(execution.duration_ms)}"),
        ("cost", f"{calls} ({usage.cost_source})" if usage.cost_source else calls),
        ("error", ": ".join(filter(None, [error.type, error.message])) if error else ""),
        ("paused", " for ".join(filter(None, [_since(execution), execution.waiting_for]))),
        ("cancelled", " by ".join(filter(None, [execution.cancel_reason, execution.cancelled_by]))),
    ]


def _since(execution: Execution) -> str | None:
    return None if execution.paused_at is None else f"since {show_time(execution.paused_at)}"


def _workflow(execution: Execution) -> str:
    workflow = execution.workflow
    said = filter(None, [workflow.name or workflow.id, workflow.version]) if workflow else ["execution"]
    return escaped(" ".join(said))


def _attempt_line(attempt: Attempt, execution: Execution) -> Text:
    # Clocks disagree: what ended before it began took no time, as in the API.
    took = None if attempt.ended_at is None else max(0, _milliseconds(attempt.ended_at - attempt.started_at))
    offset = max(0, _milliseconds(attempt.started_at - execution.created_at))
    calls = [(attempt.llm_calls, "LLM"), (attempt.tool_calls, "tool")]
    words = [f"{count} {kind} call{'s' if count != 1 else ''}" for count, kind in calls if count]
    return Text.assemble(
        (f"attempt {attempt.number}  ", "bold"),
        (attempt.status, _style(attempt.status)),
        "  ".join(["", f"+{length(offset)}", *filter(None, [length(took)]), *words]),
    )


def _steps(attempt: Attempt, failing: Step | None) -> Table:
    """A row for each step; the bar lies where in the attempt it ran."""
    begins = min([attempt.started_at, *(step.started_at for step in attempt.steps if step.started_at)])
    ends = max([attempt.ended_at or begins, *(step.ended_at for step in attempt.steps if step.ended_at)])
    table = Table.grid(padding=(0, 2))
    for step in attempt.steps:
        offset = None if step.started_at is None else _milliseconds(step.started_at - begins)
        table.add_row(
            Text("  " + _title(step), style="bold red" if step is failing else ""),
            Text(step.status, style=_style(step.status)),
            Text("" if offset is None else f"+{length(offset)}", justify="right"),
            Text(length(step.duration_ms), justify="right"),
            Text(_bar(step, begins, ends), style=_style(step.status)),
        )
    return table


def _title(step: Step) -> str:
    title = escaped(step.name or step.step_id)
    if step.iteration is not None:
        title += f" item {step.iteration}" + (f" of {step.total_items}" if step.total_items else "")
    return title if step.try_number == 1 else f"{title} try {step.try_number}"


def _bar(step: Step, begins: datetime, ends: datetime) -> str:
    if step.started_at is None or ends <= begins:
        return ""
    share = (ends - begins) / _BAR
    start = min(_BAR - 1, int((step.started_at - begins) / share))
    width = max(1, round(((step.ended_at or ends) - step.started_at) / share))  # 1: it ended before it began
    return " " * start + "━" * min(width, _BAR - start)


def _failure(step: Step) -> Panel:
    error = step.error
    said = ": ".join(filter(None, [error.type, error.message])) if error else "no error was said"
    lines: list[Any] = [Text(lines_of(said))]
    if step.input is not None:
        lines += [Text("input", style="dim"), Pretty(step.input, max_length=20, max_string=400)]
    if error and error.stack:
        lines += [Text("stack", style="dim"), Text(lines_of(error.stack))]
    title = Text(f"failed at {_title(step)}, attempt {step.attempt}")  # no str, in which brackets are markup
    return Panel(Group(*lines), title=title, border_style="red", title_align="left")


def _milliseconds(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
