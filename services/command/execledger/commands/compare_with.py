"""`execledger compare-with`."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from execledger.comparing.tallying import Tally
    from execledger.importing.shapes.registry import Shape

_LONGEST_VALUE: Final = 60


def compare_with(
    shape: str,
    *,
    dsn: str,
    table: str | None = None,
    tenant: str | None = None,
    without: Annotated[list[str] | None, Parameter(negative=())] = None,
    examples: int = 10,
) -> int:
    """Compare a team's older table with the view of it, row by row; exit status 1 when they differ.

    Each is read as of one moment. What an import makes fit is taken as equal: docs/importing.md says what that is. The
    view is read by the account in EXECLEDGER_POSTGRES_DSN: the query service's, one of `execledger sql-access`, or a
    superuser.

    Parameters
    ----------
    shape
        The table: crewai_flow_executions, task_executions, workflow_executions, workflow_execution_log, executions,
        event_logs, token_usage, tool_executions or users.
    dsn
        The database that holds it; PGPASSWORD keeps the password out of sight.
    table
        The name of the table there, with its schema if need be; the shape's by default.
    tenant
        Look at this tenant's executions alone.
    without
        A column to leave out; may be repeated.
    examples
        How many rows of each kind to show.
    """
    import asyncio
    import sys

    from execledger.commands.opening import check_name
    from execledger.comparing.sides import key_of
    from execledger.comparing.tallying import Tally
    from execledger.errors import UserError
    from execledger.importing.shapes.registry import SHAPES

    if (known := SHAPES.get(shape)) is None:
        raise UserError(f"SHAPE: is one of {', '.join(SHAPES)}", exit_status=2)
    if examples < 0:
        raise UserError("--examples: should be 0 or more", exit_status=2)
    if key_of(shape) in (left_out := set(without or ())):
        raise UserError(f"--without: rows are found by {key_of(shape)}", exit_status=2)
    if tenant is not None:
        check_name("--tenant", tenant)
    tally = Tally(examples)
    asyncio.run(_compare(shape, known, dsn, table or shape, tenant, left_out, tally))
    sys.stdout.writelines(f"{line}\n" for line in _lines(shape, tally))
    return 0 if tally.is_equal else 1


async def _compare(
    shape: str, known: "Shape", dsn: str, table: str, tenant: str | None, left_out: set[str], tally: "Tally"
) -> None:
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from execledger.comparing.comparison import compare
    from execledger.comparing.sides import open_table, open_view
    from execledger.stack.say import standard_error
    from execledger.stack.settings import required_dsn

    columns = {name: column for name, column in known.columns.items() if name not in left_out}
    console = standard_error()
    shown = TextColumn("{task.completed} of {task.total} rows of {task.description}, {task.fields[odd]} not the same")
    bar = Progress(shown, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
    async with (
        open_table(dsn, shape, table, columns, left_out) as old,
        open_view(required_dsn(), tenant, old) as new,
    ):
        with bar:
            task = bar.add_task(shape, total=None, odd=0)

            def show(now: "Tally") -> None:
                bar.update(task, completed=now.compared, total=now.old, odd=now.compared - now.same)

            await compare(old, new, tally, show)


def _lines(shape: str, tally: "Tally") -> "Iterator[str]":
    from execledger.terminal import printable

    yield f"{shape}: {tally.old} rows in the table, {tally.new} in the view"
    yield (
        f"{tally.same} the same, {tally.differing} differ, {tally.only_old} only in the table, "
        f"{tally.only_new} only in the view"
    )
    if tally.columns:
        yield f"columns that differ: {', '.join(f'{name} ({many})' for name, many in tally.columns.most_common())}"
    for key, column, old, new in tally.shown:
        yield f"  {printable(key)}: {column}: {_value(old)} in the table, {_value(new)} in the view"
    for where, keys in (("table", tally.keys_of_old), ("view", tally.keys_of_new)):
        if keys:
            yield f"only in the {where}: {', '.join(map(printable, keys))}"


def _value(value: Any) -> str:
    import json

    from execledger.terminal import escaped

    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return escaped(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")
