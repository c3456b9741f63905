"""`execledger limits`."""

from typing import Annotated

from cyclopts import App, Parameter

from execledger.commands.daily_limits import daily, line_of
from execledger.commands.opening import check_name, open_store
from execledger.errors import UserError
from execledger.terminal import printable

limits = App(name="limits", help="Limits that executions are held to: list and set them.")

limits.command(daily)

_MOST_SECONDS = 1e9  # as `timeout_seconds` of an event

Tenant = Annotated[str, Parameter(name="--tenant")]


@limits.command(name="list")
def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List the limits that are set.

    Parameters
    ----------
    as_json
        Print a JSON object instead.
    """
    import asyncio

    asyncio.run(_list(as_json=as_json))


@limits.command
def silence(
    workflow: str,
    seconds: float | None = None,
    *,
    tenant: Tenant = "default",
    remove: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """End executions of a workflow that are silent for longer than this, until they are heard again.

    Parameters
    ----------
    workflow
        The workflow's id.
    seconds
        For how long they may be silent, counted from the newest record of theirs in Kafka.
    tenant
        Whose workflow it is.
    remove
        Let them be silent for as long as they like, as without a limit; exit status 1 when there is none.
    """
    import asyncio

    if remove == (seconds is not None):
        raise UserError("say either SECONDS or --remove", exit_status=2)
    if seconds is not None and not 0 < seconds <= _MOST_SECONDS:
        raise UserError(f"SECONDS: should be more than 0 and at most 1000000000, this is {seconds:g}", exit_status=2)
    for name, said in (("WORKFLOW", workflow), ("--tenant", tenant)):
        check_name(name, said)
    asyncio.run(_limit_silence(tenant, workflow, seconds))


async def _list(*, as_json: bool) -> None:
    import json
    import sys

    async with open_store() as store:
        silences = await store.limits.silence()
        days = await store.limits.daily()
    if as_json:
        names = ("tenant_id", "workflow_id", "seconds")
        said = {
            "silence": [dict(zip(names, limit, strict=True)) for limit in silences],
            "daily": [limit.document() for limit in days],
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
        return
    lines = [
        f"silence  tenant {printable(tenant)}  workflow {printable(workflow)}  {seconds:.15g} s\n"
        for tenant, workflow, seconds in silences
    ]
    sys.stdout.writelines([*lines, *(f"daily  {line_of(limit)}\n" for limit in days)] or ["no limits\n"])


async def _limit_silence(tenant: str, workflow: str, seconds: float | None) -> None:
    import sys

    async with open_store() as store:
        if seconds is not None:
            await store.limits.limit_silence(tenant, workflow, seconds)
        elif not await store.limits.allow_silence(tenant, workflow):
            raise UserError(
                f"workflow {workflow!r} of tenant {tenant!r} has no limit; "
                "`execledger limits list` shows those there are"
            )
    may = "may be silent for ever" if seconds is None else f"may be silent for {seconds:.15g} s"
    sys.stdout.write(f"executions of workflow {printable(workflow)} of tenant {printable(tenant)} {may}\n")
