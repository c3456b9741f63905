"""Finding an execution by what people call it."""

from collections.abc import Sequence
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


def _is_internal(name: str) -> bool:
    """Only the canonical form: any other spelling may be somebody's external id."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
