"""What is asked of orchestrators; a recorder hands it on."""

from datetime import datetime
from uuid import UUID

from execledger_query.sql import statement
from execledger_query.store.reads import Reads, Row


class Requests(Reads):
    """Requests of whoever the transaction belongs to."""

    async def cancel_request(self, tenant_id: str, key: str) -> Row | None:
        """What they asked under that key."""
        return await self._row(statement("cancel_request"), tenant_id, key)

    async def add_cancel_request(
        self,
        tenant_id: str,
        key: str,
        execution_id: UUID,
        reason: str | None,
        descendants: bool,
        requested_at: datetime,
        answer: str,
    ) -> bool:
        """Ask to cancel an execution; False when something was asked under that key before."""
        asked = (tenant_id, key, execution_id, reason, descendants, requested_at, answer)
        return await self._row(statement("add_cancel_request"), *asked) is not None
