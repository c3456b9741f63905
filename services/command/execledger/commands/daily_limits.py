"""`execledger limits daily`."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from execledger.commands.opening import check_name, open_store
from execledger.errors import UserError
from execledger.terminal import printable

if TYPE_CHECKING:
    from execledger_recorder.store import DailyLimit


def daily(
    *,
    tenant: str,
    owner: str | None = None,
    tokens: str | None = None,
    cost_usd: str | None = None,
    remove: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Limit what a tenant, or one of its owners, consumes in a UTC day.

    When it is passed, executions of that day that are open are told to halt. A limit that is there is replaced: what
    is not named is not limited any more.

    Parameters
    ----------
    tenant
        Whose executions.
    owner
        Only this owner's.
    tokens
        How many tokens.
    cost_usd
        How many dollars, as 12.50.
    remove
        Limit nothing any more; exit status 1 when there is no such limit.
    """
    import asyncio
    import sys

    check_name("--tenant", tenant)
    if owner is not None:
        check_name("--owner", owner)
    if remove == (tokens is not None or cost_usd is not None):
        raise UserError("say --tokens, --cost-usd or both, or --remove", exit_status=2)
    if remove:
        asyncio.run(_remove(tenant, owner or ""))
        sys.stdout.write(f"{_whose(tenant, owner)}: no limit\n")
    else:
        most_tokens, most_dollars = _token_count(tokens), _dollars(cost_usd)
        asyncio.run(_set(tenant, owner or "", most_tokens, most_dollars))
        amounts = [] if most_tokens is None else [f"{most_tokens} tokens"]
        amounts += [] if most_dollars is None else [f"{most_dollars.normalize():f} dollars"]
        sys.stdout.write(f"{_whose(tenant, owner)}: {' and '.join(amounts)} a day\n")


async def _set(tenant: str, owner: str, tokens: Any, dollars: Any) -> None:
    async with open_store() as store:
        await store.limits.set_daily(tenant, owner, tokens, dollars)


async def _remove(tenant: str, owner: str) -> None:
    async with open_store() as store:
        if not await store.limits.remove_daily(tenant, owner):
            raise UserError(f"{_whose(tenant, owner)} has no limit; `execledger limits list` shows those there are")


def line_of(limit: "DailyLimit") -> str:
    parts = []
    if limit.token_limit is not None:
        parts.append(f"{limit.tokens_today} of {limit.token_limit} tokens")
    if limit.cost_limit_usd is not None:
        parts.append(f"{limit.cost_usd_today.normalize():f} of {limit.cost_limit_usd.normalize():f} dollars")
    return f"{_whose(limit.tenant_id, limit.owner_id)}: today {', '.join(parts)}"


def _whose(tenant: str, owner: str | None) -> str:
    return f"tenant {printable(tenant)}" + (f" owner {printable(owner)}" if owner else "")


def _token_count(text: str | None) -> int | None:
    from execledger_contracts.fields import MAX_COUNT

    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_COUNT):
        raise UserError(f"--tokens: should be a whole number from 0 to {MAX_COUNT}, this is {text!r}", exit_status=2)
    return int(text)


def _dollars(text: str | None) -> Any:
    from pydantic import TypeAdapter, ValidationError

    from execledger_contracts.fields import MAX_MONEY, Money

    if text is None:
        return None
    try:
        return TypeAdapter(Money).validate_python(text)
    except ValidationError:
        raise UserError(
            f"--cost-usd: should be from 0 to {MAX_MONEY}, as 12.50, this is {text!r}", exit_status=2
        ) from None
