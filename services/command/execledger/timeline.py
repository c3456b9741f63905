"""One execution as a timeline: what was read of it, and how a terminal shows it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, assert_never

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

from execledger.errors import UserError
from execledger.terminal import escaped, lines_of
from execledger_contracts.status import Status
from execledger_lifecycle.order import highest
from execledger_query.execution import timeline as timelines
from execledger_query.execution.timeline import FailingStep, Timeline, TimelineAttempt, TimelineStep
from execledger_query.store import Reader, Row
from execledger_query.views import Error, Execution, Workflow, show_money, show_time

_BAR: Final = 14
_INDENT: Final = 2
_DEEPEST: Final = 8  # beyond that a step stands where its surroundings do: a terminal has 80 columns
_MOST_STEPS: Final = 1_000_000
_MOST_BYTES: Final = 268_435_456


class Calls(NamedTuple):
    """How many there were."""

    llm: int
    tool: int

    def __str__(self) -> str:
        counts = ((self.llm, "LLM"), (self.tool, "tool"))
        return "  ".join(f"{count} {kind} call{'s' if count != 1 else ''}" for count, kind in counts if count)


@dataclass(frozen=True, slots=True)
class Shown:
    """A timeline, and the calls of each attempt, and of each step by attempt and id."""

    timeline: Timeline
    calls: Mapping[int, Calls]
    step_calls: Mapping[tuple[int, str], Calls]


async def read(reader: Reader, row: Row) -> Shown:
    """Everything that is shown of an execution."""
    told = await timelines.read(reader, row, _MOST_STEPS, _MOST_BYTES, with_payloads=True)
    if not told.is_whole:
        raise UserError("its steps are too many to be shown: the query service lists them, GET …/steps")
    calls = {attempt["attempt"]: Calls(attempt["llm_calls"], attempt["tool_calls"]) for attempt in told.attempts}
    return Shown(timelines.timeline_of(told), calls, _step_calls(sorted(calls), await reader.step_calls(row["id"])))


def as_document(shown: Shown) -> dict[str, Any]:
    """The same for programs: the timeline, as the query service answers it."""
    return shown.timeline.model_dump(mode="json")


def draw(shown: Shown, console: Console) -> None:
    """Show it to somebody."""
    timeline = shown.timeline
    console.print(_header(timeline))
    for attempt in timeline.attempts:
        console.print(_attempt_line(attempt, timeline.execution, shown.calls[attempt.attempt]))
        if steps := [step for step in timeline.steps if step.attempt == attempt.attempt]:
            console.print(_steps(attempt, steps, shown))
    if timeline.children:
        console.print(_children(timeline))
    for failure in _failures(timeline):
        console.print(failure)


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


def _step_calls(raised: list[int], rows: Iterable[Row]) -> dict[tuple[int, str], Calls]:
    """By the attempt that a step belongs to, which is not above the one that a call of it was sent with."""
    found: dict[tuple[int, str], Calls] = {}
    for row in rows:
        key = (highest(raised, row["attempt"]), row["step_id"])
        llm, tool = found.get(key, Calls(0, 0))
        found[key] = Calls(llm + row["llm_calls"], tool + row["tool_calls"])
    return found


def _header(timeline: Timeline) -> Group:
    execution = timeline.execution
    title = Text.assemble(
        (execution.status, _style(execution.status)),
        (" (provisional)" if execution.provisional else "", "dim"),
        f"  {_workflow(execution.workflow) or 'execution'}  ",
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
        ("query", execution.query or ""),
        ("parent", execution.parent_execution_id or ""),
        ("root", execution.root_execution_id if execution.root_execution_id != execution.external_id else ""),
        ("time", " to ".join(show_time(at) for at in times if at) + f"  {length(execution.duration_ms)}"),
        ("cost", f"{calls} ({usage.cost_source})" if usage.cost_source else calls),
        ("error", ": ".join(filter(None, [error.type, error.message])) if error else ""),
        ("paused", " for ".join(filter(None, [_since(execution), execution.waiting_for]))),
        ("cancelled", " by ".join(filter(None, [execution.cancel_reason, execution.cancelled_by]))),
    ]


def _since(execution: Execution) -> str | None:
    return None if execution.paused_at is None else f"since {show_time(execution.paused_at)}"


def _workflow(workflow: Workflow | None) -> str:
    said = filter(None, [workflow.name or workflow.id, workflow.version]) if workflow else []
    return escaped(" ".join(said))


def _attempt_line(attempt: TimelineAttempt, execution: Execution, calls: Calls) -> Text:
    # Clocks disagree: what ended before it began took no time, as in the API.
    took = None if attempt.ended_at is None else max(0, _milliseconds(attempt.ended_at - attempt.started_at))
    offset = max(0, _milliseconds(attempt.started_at - execution.created_at))
    return Text.assemble(
        (f"attempt {attempt.attempt}  ", "bold"),
        (attempt.status, _style(attempt.status)),
        "  ".join(["", f"+{length(offset)}", *filter(None, [length(took), str(calls)])]),
    )


def _steps(attempt: TimelineAttempt, steps: list[TimelineStep], shown: Shown) -> Table:
    """A row for each step, deeper than the one that it is part of; the bar lies where in the attempt it ran."""
    begins = min([attempt.started_at, *(step.started_at for step in steps if step.started_at)])
    ends = max([attempt.ended_at or begins, *(step.ended_at for step in steps if step.ended_at)])
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(ratio=1, overflow="fold")
    for _ in range(4):
        table.add_column(no_wrap=True)
    calls = {step_id: str(made) for (number, step_id), made in shown.step_calls.items() if number == attempt.attempt}
    rows = Counter(step.step_id for step in steps)
    calls = {step_id: f"{made} in all" if rows[step_id] > 1 else made for step_id, made in calls.items()}
    for step in steps:
        offset = None if step.started_at is None else _milliseconds(step.started_at - begins)
        title = Text("  ".join(filter(None, [_title(step), calls.pop(step.step_id, "")])))
        title.stylize("bold red" if _is_failing(step, shown.timeline.failing) else "")
        table.add_row(
            Padding(title, (0, 0, 0, _INDENT * (1 + min(step.depth, _DEEPEST)))),
            Text(step.status, style=_style(step.status)),
            Text("" if offset is None else f"+{length(offset)}", justify="right"),
            Text(length(step.duration_ms), justify="right"),
            Text(_bar(step, begins, ends), style=_style(step.status)),
        )
    return table


def _is_failing(step: TimelineStep, failing: FailingStep | None) -> bool:
    same = ("step_id", "iteration", "attempt", "try_number")
    return failing is not None and all(getattr(step, name) == getattr(failing, name) for name in same)


def _children(timeline: Timeline) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text("children", style="bold"))
    for child in timeline.children:
        table.add_row(
            Padding(Text(escaped(child.external_id), overflow="fold"), (0, 0, 0, _INDENT)),
            Text(child.status, style=_style(child.status)),
            Text(_workflow(child.workflow), overflow="fold"),
            Text(length(child.duration_ms), justify="right"),
        )
    if timeline.has_more_children:
        table.add_row(Text("  and more"))
    return table


def _title(step: TimelineStep | FailingStep) -> str:
    """Its name, its id where that is another, which item of a loop and which try it is."""
    title = escaped(step.name or step.step_id)
    if step.name not in (None, step.step_id):
        title += f" ({escaped(step.step_id)})"
    if step.iteration is not None:
        title += f" item {step.iteration}" + (f" of {step.total_items}" if step.total_items else "")
    return title if step.try_number == 1 else f"{title} try {step.try_number}"


def _bar(step: TimelineStep, begins: datetime, ends: datetime) -> str:
    if step.started_at is None or ends <= begins:
        return ""
    share = (ends - begins) / _BAR
    start = min(_BAR - 1, int((step.started_at - begins) / share))
    width = max(1, round(((step.ended_at or ends) - step.started_at) / share))  # 1: it ended before it began
    return " " * start + "━" * min(width, _BAR - start)


def _failures(timeline: Timeline) -> list[Panel]:
    """Where it failed: at a step, and what the execution itself has a stack of."""
    failing, error = timeline.failing, timeline.execution.error
    panels = []
    if failing:
        panels.append(_failure(f"failed at {_title(failing)}, attempt {failing.attempt}", failing.error, failing.input))
    if error and error.stack and not (failing and failing.error and failing.error.stack == error.stack):
        panels.append(_failure("failed", error, None))
    return panels


def _failure(title: str, error: Error | None, sent: Any) -> Panel:
    said = ": ".join(filter(None, [error.type, error.message])) if error else "no error was said"
    lines: list[Any] = [Text(lines_of(said))]
    if sent is not None:
        lines += [Text("input", style="dim"), Pretty(sent, max_length=20, max_string=400)]
    if error and error.stack:
        lines += [Text("stack", style="dim"), Text(lines_of(error.stack))]
    # A title of Text: in one of str brackets would be markup.
    return Panel(Group(*lines), title=Text(title), border_style="red", title_align="left")


def _milliseconds(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
