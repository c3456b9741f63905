"""`execledger reprice`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from execledger_recorder.duties.reprice import Repriced, Wanted
    from execledger_recorder.store import Store


def reprice(
    *ids: str,
    since: str | None = None,
    until: str | None = None,
    workflow: str | None = None,
    tenant: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Compute the cost of LLM calls that nobody reported anew, with the price table of this installation.

    Recorders may work meanwhile. It may be stopped and run again: what is right already stays as it is.

    Parameters
    ----------
    ids
        Executions, by internal or external id; without any, all of them.
    since
        Only calls made since then: a time as 2026-03-01T12:00:00Z, or an age as 90s, 15m, 1h, 7d.
    until
        Only calls made before that; said in the same way.
    workflow
        Only executions of the workflow with this id.
    tenant
        Only executions of this tenant.
    dry_run
        Change nothing: say what would change.
    """
    import asyncio
    from datetime import UTC, datetime

    from execledger.commands.dead_letters import moment
    from execledger.commands.opening import check_text
    from execledger.errors import UserError
    from execledger_recorder.duties.reprice import Wanted

    now = datetime.now(UTC)
    wanted = Wanted(
        tenant_id=tenant,
        workflow_id=workflow,
        since=None if since is None else moment(since, now),
        until=None if until is None else moment(until, now, "--until"),
    )
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise UserError("--until: should be later than --since", exit_status=2)
    for option, text in (*(("ID", name) for name in ids), ("--workflow", workflow or ""), ("--tenant", tenant or "")):
        check_text(option, text)
    report = asyncio.run(_reprice(ids, wanted, dry_run=dry_run))
    print(_summary(report, dry_run=dry_run))  # noqa: T201
    if report.unreadable:
        raise UserError(
            f"the log is damaged of {', '.join(report.unreadable)}, which keep their prices; "
            "`execledger rebuild --verify` with these ids names the events"
        )


async def _reprice(names: "Sequence[str]", wanted: "Wanted", *, dry_run: bool) -> "Repriced":
    from dataclasses import replace

    from execledger.commands.opening import open_store
    from execledger.stack.say import standard_error
    from execledger_recorder.duties.reprice import reprice

    async with open_store(hint="; run it again to go on") as store:
        if names:
            wanted = replace(wanted, ids=await _found(store, names, wanted.tenant_id))
        with standard_error().status("looking …") as line:
            return await reprice(
                store,
                wanted,
                dry_run=dry_run,
                on_progress=lambda so_far: line.update(
                    f"{so_far.looked_at:,} executions looked at, {so_far.changed:,} calls with another price"
                ),
            )


async def _found(store: "Store", names: "Sequence[str]", tenant: str | None) -> list[str]:
    from execledger.errors import UserError

    found = await store.executions.named(names, tenant)
    if missing := set(names) - {name for both in found for name in both}:
        of_tenant = "" if tenant is None else f" of tenant {tenant!r}"
        raise UserError(f"there is no execution {', '.join(map(repr, sorted(missing)))}{of_tenant}: nothing is changed")
    return [id_ for id_, _ in found]


def _summary(report: "Repriced", *, dry_run: bool) -> str:
    from decimal import Decimal

    changed = (
        f"{'Would change' if dry_run else 'Changed'} the price of {report.changed:,} of {report.calls:,} calls"
        f" without a reported cost, in {report.executions:,} executions:"
        f" {'-' if report.nanos < 0 else '+'}${Decimal(abs(report.nanos)).scaleb(-9):f}."
    )
    return f"{changed} {report.unpriced:,} have no price: model or provider unknown, or no tokens said."
