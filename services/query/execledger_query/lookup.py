"""Finding an execution by what people call it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from execledger_query.store import Reader, Row


@dataclass(frozen=True, slots=True)
class Several:
    """More than one tenant has an execution with that external id, and the reader sees them all."""

    bearers: Sequence[Row]


async def find(reader: Reader, name: str, tenant_id: str | None = None) -> Row | Several | None:
    """The execution with that internal or external id, the internal one first; None when the reader sees none."""
    row = await reader.execution(UUID(name)) if _is_internal(name) else None
    if row is not None and tenant_id in (None, row["tenant_id"]):
        return row
    bearers = await reader.aliases(name, tenant_id)
    if len(bearers) > 1:
        return Several(bearers)
    return await reader.execution(bearers[0]["id"]) if bearers else None


async def find_shown(reader: Reader, name: str) -> Row | Several | None:
    """The same as it is shown alone: an `item` of text in JSON, which is null where the record is damaged."""
    return await _found(reader, name, reader.shown)


async def find_identity(reader: Reader, name: str) -> Row | Several | None:
    """Of the same but its id, tenant, owner, root and version."""
    return await _found(reader, name, reader.identified)


async def _found(reader: Reader, name: str, read: Callable[..., Awaitable[Sequence[Row]]]) -> Row | Several | None:
    rows = await read(execution_id=UUID(name)) if _is_internal(name) else ()
    rows = rows or await read(external_id=name)
    if len(rows) > 1:
        return Several(await reader.aliases(name))
    return rows[0] if rows else None


def _is_internal(name: str) -> bool:
    """Only the canonical form: any other spelling may be somebody's external id."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
