"""Why an execution is as it is, in a terminal."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from execledger.terminal import escaped, printable
from execledger_query.execution.explanations import ExplainedEvent, Explanation
from execledger_query.views import show_time

_STYLES = {"applied": "green", "late": "cyan", "rejected": "yellow"}


def draw(external_id: str, explanation: Explanation, console: Console) -> None:
    """Show it to somebody."""
    console.print(Text(_printable(external_id), style="bold"))
    if explanation.provisional:
        console.print(Text(f"ended by us, provisionally: {_printable(explanation.provisional.reason)}", style="yellow"))
    for note in explanation.notes:
        console.print(Text(f"{note.field}: {_printable(note.reason)} ({_short(note.event_id)})", style="yellow"))
    for table in (_fields(explanation), _events(explanation)):
        console.print(Text(), table, sep="\n")


def _fields(explanation: Explanation) -> Table:
    table = _table("field", "value", "decided by", "event")
    table.columns[1].ratio = 1
    for name, decided in explanation.fields.items():
        table.add_row(
            name,
            Text(_printable(decided.value)),
            Text(_printable(decided.type)),
            _short(decided.event_id),
        )
    return table


def _events(explanation: Explanation) -> Table:
    table = _table("at", "event", "type", "on arrival", "now")
    table.columns[4].ratio, table.columns[4].no_wrap, table.columns[4].overflow = 1, False, "fold"
    attempt, day = 1, ""
    for event in explanation.events:
        if event.attempt != attempt:
            attempt = event.attempt
            table.add_row("", "", Text(f"attempt {attempt}", style="bold"), "", "")
        if (its_day := show_time(event.occurred_at)[:10]) != day:
            day = its_day
            table.add_row(Text(day, style="bold"), "", "", "", "")
        table.add_row(
            _time(event.occurred_at),
            _short(event.event_id),
            Text(_printable(event.type)),
            Text(event.outcome, style=_STYLES[event.outcome]),
            _now(event),
        )
    return table


def _now(event: ExplainedEvent) -> Text:
    decides = f"decides {', '.join(event.decides)}" if event.decides else ""
    refused = f"not applied: {event.not_applied}" if event.not_applied else ""
    ignored = ", ".join(f"{_printable(note.field)} ({note.rule})" for note in event.ignored)
    said = [(decides, ""), (refused, "yellow"), (f"ignored: {ignored}" if ignored else "", "yellow")]
    return Text("; ").join(Text(text, style=style) for text, style in said if text)


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", expand=True)
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _time(at: datetime) -> str:
    """Of the day, which has a line of its own: more has no room beside the rest.

    >>> from datetime import UTC
    >>> _time(datetime(2026, 3, 1, 12, 0, 0, 123999, tzinfo=UTC))
    '12:00:00.123'
    """
    return show_time(at)[11:-1]


def _short(event_id: UUID) -> str:
    """The end of it: ids made one after the other begin alike."""
    return str(event_id)[-8:]


def _printable(value: Any) -> str:
    r"""As JSON, a text without its quotes; no character of it moves the cursor.

    >>> _printable({"a": None}), _printable("tea\x1b[2J\x9b"), _printable(True)
    ('{"a": null}', 'tea\\u001b[2J\\u009b', 'true')
    """
    return printable(value) if isinstance(value, str) else escaped(json.dumps(value, ensure_ascii=False))
