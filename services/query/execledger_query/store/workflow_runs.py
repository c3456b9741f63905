"""Reading executions for clients of the older table `workflow_executions`."""

from collections.abc import Sequence

from execledger_lifecycle.foreign_ids import as_uuid, foreign_uuid
from execledger_query.sql import statement
from execledger_query.store.reads import Reads, Row


class WorkflowRuns(Reads):
    """Executions of a workflow, which is named by its own id or by the uuid that stands for that."""

    async def workflow_runs(
        self, workflow_id: str, statuses: Sequence[str] | None, limit: int, offset: int, most_bytes: int
    ) -> Sequence[Row]:
        """At most `limit` of them, newest first, behind `offset` others, as far as `most_bytes` reach.

        Of all statuses when none are named.
        """
        return await self._rows(statement("workflow_runs"), _uuid(workflow_id), statuses, limit, offset, most_bytes)

    async def count_workflow_runs(self, workflow_id: str, statuses: Sequence[str] | None) -> int:
        """How many there are."""
        (row,) = await self._rows(statement("count_workflow_runs"), _uuid(workflow_id), statuses)
        total: int = row["total"]
        return total

    async def workflow_run(self, workflow_id: str, name: str) -> Sequence[Row]:
        """The one with that id, as `likeness` says: internal (0), external (1), of its row there (2). Two at most."""
        return await self._rows(statement("workflow_run"), _uuid(workflow_id), as_uuid(name), name)


def _uuid(workflow_id: str) -> str | None:
    return foreign_uuid("workflow", workflow_id)
