"""`execledger import`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from execledger.importing.progress import Place
    from execledger.importing.reading import Sent
    from execledger.importing.report import Report
    from execledger.importing.sending import Import
    from execledger.importing.shapes.registry import Shape


def import_(
    shape: str,
    file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    from_dsn: str | None = None,
    table: str | None = None,
    tenant: str | None = None,
    without: Annotated[list[str] | None, Parameter(negative=())] = None,
    progress: Path | None = None,
    refused: Path | None = None,
) -> int:
    """Publish rows of an older table as signed events; exit status 1 when a row was refused.

    Rows are JSON lines or CSV with a header, which is told by their content, or read from the table itself. What is
    imported twice counts once. docs/importing.md says which tables there are, and what becomes of their columns.

    Parameters
    ----------
    shape
        The table that the rows are of: crewai_flow_executions, task_executions, workflow_executions,
        workflow_execution_log, executions, event_logs, token_usage, tool_executions or users.
    file
        The file to read; - for standard input. Also a file of refused rows.
    from_dsn
        Read the table in this database instead; PGPASSWORD keeps the password out of sight.
    table
        The name of the table there, with its schema if need be; the shape's by default.
    tenant
        The tenant of rows that name none (`default`); of rows about an execution, look at this tenant's alone.
    without
        A column to leave out, for no event says it; may be repeated.
    progress
        A file to note in how far it is; begun again with it, the import goes on there.
    refused
        Where rows that are refused go, with their reasons; import-SHAPE-refused.jsonl by default.
    """
    import sys

    from execledger.errors import UserError
    from execledger.importing.progress import read_place
    from execledger.importing.report import SHOWN, Report
    from execledger.importing.shapes.registry import SHAPES

    if (known := SHAPES.get(shape)) is None:
        raise UserError(f"SHAPE: is one of {', '.join(SHAPES)}", exit_status=2)
    if (file is None) == (from_dsn is None):
        raise UserError("FILE or --from-dsn: one of them says where the rows are", exit_status=2)
    place = read_place(progress, f"{shape} from {table or shape if from_dsn else file}")
    with Report(refused or Path(f"import-{shape}-refused.jsonl"), is_continued=place.rows > 0) as report:
        _run(_work(shape, known, tenant, without, progress), place, report, file, from_dsn, table or shape)
    for line in report.shown:
        sys.stderr.write(f"{line}\n")
    if report.refused > SHOWN:
        sys.stderr.write(f"and {report.refused - SHOWN} more\n")
    where = f"; they are in {report.file}" if report.refused else ""
    sys.stdout.write(f"{report.rows} rows, {report.events} events sent, {report.refused} rows refused{where}\n")
    return 1 if report.refused else 0


def _work(shape: str, known: "Shape", tenant: str | None, without: list[str] | None, progress: Path | None) -> "Import":
    from execledger.commands.opening import check_name
    from execledger.importing.sending import Import
    from execledger.recorder_settings import recording_settings

    if tenant is not None:
        check_name("--tenant", tenant)
    settings = recording_settings()
    left_out = frozenset(without or ())
    return Import(shape, known, tenant, left_out, settings.events_topic, settings.topics, settings.limits, progress)


def _run(work: "Import", place: "Place", report: "Report", file: str | None, dsn: str | None, table: str) -> None:
    import asyncio

    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from execledger.stack.say import standard_error

    console = standard_error()
    columns = (TextColumn("{task.completed} rows of {task.description}, {task.fields[refused]} refused"),)
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
    with ExitStack() as opened:
        chunks = _of_table(work, place, dsn, table) if dsn else _of_file(work, place, file or "", opened)
        opened.enter_context(bar)
        task = bar.add_task(work.table, total=None, refused=0)

        def show(now: "Report") -> None:
            bar.update(task, completed=place.rows + now.rows, refused=now.refused)

        asyncio.run(_import(work, chunks, place, report, show))


def _of_file(work: "Import", place: "Place", file: str, opened: ExitStack) -> "AsyncIterator[Sequence[Sent]]":
    from execledger.importing.reading import Wanted, lines_of, rows_of
    from execledger.importing.sending import chunks_of_file
    from execledger.publish import open_lines

    lines = opened.enter_context(open_lines(file, lines_of))
    return chunks_of_file(rows_of(lines, Wanted(file, work.shape.columns, work.left_out)), place.rows)


def _of_table(work: "Import", place: "Place", dsn: str, table: str) -> "AsyncIterator[Sequence[Sent]]":
    from execledger.importing.old_table import rows_of_table
    from execledger.importing.sending import chunks_of_table
    from execledger.importing.shapes.registry import key_type

    return chunks_of_table(rows_of_table(dsn, table, key_type(work.shape), place.key, place.rows))


async def _import(
    work: "Import",
    chunks: "AsyncIterator[Sequence[Sent]]",
    place: "Place",
    report: "Report",
    show: "Callable[[Report], None]",
) -> None:
    from execledger.commands.opening import open_store
    from execledger.importing.sending import import_rows
    from execledger.publish import producing
    from execledger.recorder_settings import kafka_options

    async with open_store() as store, producing(kafka_options()) as producer:
        await import_rows(work, chunks, place, store=store, producer=producer, report=report, on_progress=show)
