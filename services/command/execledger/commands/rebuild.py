"""`execledger rebuild`."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import Parameter

from execledger.commands.opening import check_text, open_store
from execledger.errors import UserError
from execledger.terminal import printable

if TYPE_CHECKING:
    from execledger.rebuilding import Results
    from execledger_recorder.store import Store


def rebuild(
    *ids: str,
    verify: Annotated[bool, Parameter(negative=())] = False,
    tenant: str | None = None,
    after: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Fold executions again from the log of EXECLEDGER_POSTGRES_DSN, and write what is not as the log has it.

    Works while the recorder does, and may be stopped at any time. Exit status 1 when something differs and stays so.

    Parameters
    ----------
    ids
        Internal or external ids; all executions, when none is given.
    verify
        Change nothing: show where rows and log differ; exit status 1 when they do.
    tenant
        Whose, when several tenants have one with that external id; without ids, all of this tenant's.
    after
        Only those behind this internal id.
    as_json
        Print each difference as a JSON object, a line for each.
    """
    import asyncio
    import sys

    from execledger.rebuilding import Results

    if after is not None and (ids or not _is_internal(after)):
        raise UserError("--after: should be the internal id of an execution, and no other id beside it", exit_status=2)
    for option, text in (*(("ID", name) for name in ids), ("--tenant", tenant or "")):
        check_text(option, text)
    results = Results(as_json=as_json)
    try:
        asyncio.run(_rebuild(results, ids, tenant, after, is_to_mend=not verify))
    except KeyboardInterrupt:
        results.show(is_to_mend=not verify)
        sys.stderr.write(f"interrupted: {results.go_on(verify=verify, tenant=tenant)}\n")
        return 130
    except UserError:
        if results.last is not None:
            results.show(is_to_mend=not verify)
        raise
    results.show(is_to_mend=not verify)
    return 1 if results.differing else 0


async def _rebuild(
    results: "Results", ids: Sequence[str], tenant: str | None, after: str | None, *, is_to_mend: bool
) -> None:
    from execledger.rebuilding import watched
    from execledger_recorder.duties import rebuild

    try:
        async with open_store() as store:
            async for batch in watched(_batches(store, ids, tenant, after), results):
                if is_to_mend:
                    results.rebuilt(batch, await rebuild.rebuild(store, batch))
                else:
                    results.verified(await rebuild.verify(store, batch))
    except UserError as error:
        if results.last is None or ids:
            raise
        raise UserError(f"{error}; {results.go_on(verify=not is_to_mend, tenant=tenant)}") from error


async def _batches(
    store: "Store", ids: Sequence[str], tenant: str | None, after: str | None
) -> AsyncIterator[list[str]]:
    from execledger_recorder.duties.rebuild import FIRST_ID, batches, cut

    if not ids:
        async for batch in batches(store, after or FIRST_ID, tenant):
            yield batch
        return
    named = {await _find(store, name, tenant) for name in ids}
    for batch in cut(sorted(named)):
        yield batch


async def _find(store: "Store", name: str, tenant: str | None) -> tuple[str, int]:
    """The execution with that internal or external id, the internal one first, and how many events it has."""
    if _is_internal(name) and (events := await store.executions.count_events(name)) is not None:
        return name, events
    match await store.executions.by_external_id(name, tenant):
        case []:
            raise UserError(f"there is no execution {name!r}{f' of tenant {tenant!r}' if tenant else ''}")
        case [(_, execution_id)]:
            return execution_id, await store.executions.count_events(execution_id) or 0
        case several:
            tenants = ", ".join(printable(bearer) for bearer, _ in several)
            raise UserError(f"several tenants have an execution {name!r}: say --tenant, one of {tenants}")


def _is_internal(name: str) -> bool:
    """Only the canonical form: any other spelling may be somebody's external id."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
