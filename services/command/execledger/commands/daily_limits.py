"""`execledger limits daily`."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from execledger.commands.opening import open_store
from execledger.errors import UserError

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
        Limit nothing any more.
    """
    import asyncio

    _check_name("--tenant", tenant)
    if owner is not None:
        _check_name("--owner", owner)
    if remove == (tokens is not None or cost_usd is not None):
        raise UserError("say --tokens, --cost-usd or both, or --remove", exit_status=2)
    if remove:
        asyncio.run(_remove(tenant, owner or ""))
    else:
        asyncio.run(_set(tenant, owner or "", _token_count(tokens), _dollars(cost_usd)))


async def _set(tenant: str, owner: str, tokens: Any, dollars: Any) -> None:
    async with open_store() as store:
        await store.set_daily_limit(tenant, owner, tokens, dollars)


async def _remove(tenant: str, owner: str) -> None:
    async with open_store() as store:
        if not await store.remove_daily_limit(tenant, owner):
            raise UserError("there is no such limit; `execledger limits list` shows those there are")


def line_of(limit: "DailyLimit") -> str:
    whose = f"tenant {limit.tenant_id}" + (f" owner {limit.owner_id}" if limit.owner_id else "")
    parts = []
    if limit.token_limit is not None:
        parts.append(f"{limit.tokens_today} of {limit.token_limit} tokens")
    if limit.cost_limit_usd is not None:
        parts.append(f"{limit.cost_usd_today.normalize():f} of {limit.cost_limit_usd.normalize():f} dollars")
    return f"{whose}: today {', '.join(parts)}"


def _check_name(option: str, name: str) -> None:
    if not 1 <= len(name) <= 255 or "\0" in name:
        raise UserError(f"{option}: should have 1 to 255 characters", exit_status=2)


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
