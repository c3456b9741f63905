"""`execledger tail`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from execledger.tailing import Wanted

_NO_FILTERS = {"fields", "include", "limit"}


def tail(
    id: str | None = None,  # noqa: A002  # what the user calls it
    *,
    tenant: str | None = None,
    narrow: Annotated[list[str] | None, Parameter(name="--filter", negative=())] = None,
    limit: int = 10,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Follow executions as they change, or one with its events until it has ended.

    Read from EXECLEDGER_POSTGRES_DSN, until interrupted.

    Parameters
    ----------
    id
        The internal or external id of the one, or how it begins; without it all
        are followed.
    tenant
        Only those of this tenant; or whose the one is.
    narrow
        A filter of the API as NAME=VALUE, as status=failed; may be repeated.
    limit
        How many of the newest to begin with; 0 to 200.
    as_json
        A JSON object a line: the execution, or {"event": …} for an event.
    """
    import asyncio

    from execledger.stack.settings import required_dsn

    asyncio.run(_print(required_dsn(), _wanted(id, tenant, narrow or [], limit), as_json=as_json))


async def _print(dsn: str, wanted: "Wanted", *, as_json: bool) -> None:
    import sys

    from execledger.tailing import follow, line
    from execledger.terminal import lines_of

    async for kind, data in follow(dsn, wanted):
        text = f'{{"{kind}": {data}}}' if kind in ("event", "reset") else data
        if not as_json:
            sys.stdout.write(f"{line(kind, data)}\n")
        elif kind != "end":  # the line before has the same
            sys.stdout.write(f"{lines_of(text)}\n")
        sys.stdout.flush()


def _wanted(name: str | None, tenant: str | None, narrow: list[str], limit: int) -> "Wanted":
    from pydantic import ValidationError

    from execledger.commands.opening import check_text
    from execledger.errors import UserError
    from execledger.tailing import Wanted
    from execledger_query.narrowing import StreamOfExecutions

    check_text("ID", name or "")
    check_text("--tenant", tenant or "")
    pairs = [each.partition("=") for each in narrow]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise UserError(f"--filter: should be NAME=VALUE, as status=failed; this is {wrong[0]!r}", exit_status=2)
    if name is not None and narrow:
        raise UserError("--filter: an execution is followed whole; leave out its ID, or the filter", exit_status=2)
    said: dict[str, list[str]] = {}
    for key, _, value in pairs:
        said.setdefault(key, []).append(value)
    if unknown := said.keys() - set(StreamOfExecutions.model_fields) | said.keys() & _NO_FILTERS:
        raise UserError(f"--filter: there is no filter {min(unknown)!r}; docs/openapi.json has all", exit_status=2)
    try:
        asked = StreamOfExecutions.model_validate({**_single(said), "limit": limit})
    except ValidationError as error:
        fault = error.errors()[0]
        where = "--limit" if fault["loc"] == ("limit",) else f"--filter {''.join(map(str, fault['loc'][:1]))}".strip()
        raise UserError(f"{where}: {fault['msg'].removeprefix('Value error, ')}", exit_status=2) from error
    return Wanted(name, tenant, asked)


def _single(said: dict[str, list[str]]) -> "dict[str, str | list[str]]":
    """One value where a filter takes one, a list where it takes several."""
    from execledger_query.narrowing import StreamOfExecutions

    fields = StreamOfExecutions.model_fields
    return {
        name: values if name in fields and "list" in str(fields[name].annotation) else values[-1]
        for name, values in said.items()
    }
