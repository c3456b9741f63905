"""Executions in a list: what is asked for, and the table of them. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from rich.table import Table

from execledger.errors import UserError
from execledger.terminal import printable
from execledger_query.narrowing import Narrowed
from execledger_query.views import show_money, show_time

Asked = TypeVar("Asked", bound=Narrowed)
_COLOURS: Final = {"completed": "green", "failed": "red", "timed_out": "red", "cancelled": "yellow", "running": "cyan"}


def asked_for(shape: type[Asked], said: Mapping[str, Any]) -> Asked:
    """The API's own reading of what was said, by the API's names; UserError names every option that is wrong."""
    given = {name: value for name, value in said.items() if value is not None}
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        faults = [f"{_option(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()]
        raise UserError("; ".join(faults), exit_status=2) from error


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Executions in 80 columns: an id that is longer than its column is cut, `--json` has it whole."""
    drawn = Table(box=None, pad_edge=False, expand=True)
    drawn.add_column("execution", no_wrap=True, overflow="ellipsis", ratio=2)
    drawn.add_column("status", no_wrap=True)
    drawn.add_column("workflow", no_wrap=True, overflow="ellipsis", ratio=1)
    drawn.add_column("created", no_wrap=True)
    drawn.add_column("took", justify="right", no_wrap=True)
    drawn.add_column("cost", justify="right", no_wrap=True)
    for row in rows:
        drawn.add_row(
            printable(row["external_id"]),
            f"[{_COLOURS.get(row['status'], 'default')}]{row['status']}[/]",
            printable(row["workflow_id"] or row["workflow_name"] or ""),
            show_time(row["created_at"])[:19].replace("T", " "),
            _took(row["duration_ms"]),
            _cost(row["cost_usd"]),
        )
    return drawn


def _option(location: Sequence[Any]) -> str:
    return "--" + str(location[0] if location else "fields").replace("_", "-")


def _cost(usd: Decimal) -> str:
    """
    >>> _cost(Decimal(0)), _cost(Decimal("0.001467")), _cost(Decimal("12.345"))
    ('$0', '<$0.01', '$12.34')
    """
    return "<$0.01" if 0 < usd < Decimal("0.01") else f"${show_money(round(usd, 2))}"


def _took(milliseconds: int | None) -> str:
    """
    >>> _took(None), _took(950), _took(61_000), _took(7_260_000)
    ('', '0.9 s', '1 min', '2.0 h')
    """
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{int(seconds * 10) / 10} s"
    return f"{int(seconds / 60)} min" if seconds < 3600 else f"{int(seconds / 360) / 10} h"
