"""From the call that costs too much to the work that is no longer done: SDK, recorder and back."""

from decimal import Decimal
from pathlib import Path

import asyncpg

from conftest import Servers, Topics
from execledger.demo.live import COST_LIMIT_USD, overspend
from running import eventually, recorder


async def test_work_that_costs_more_than_it_may_is_halted_and_recorded_as_killed_by_budget(
    servers: Servers, topics: Topics, database: str, tmp_path: Path
) -> None:
    async with recorder(tmp_path, **topics.settings(servers, database)):
        overspent = await overspend(servers.bootstrap_servers, topics.events, topics.control)
        assert overspent.stop is not None
        assert overspent.stop.limit is not None
        assert overspent.stop.limit.value == COST_LIMIT_USD
        connection = await asyncpg.connect(database)

        async def ended() -> asyncpg.Record | None:
            return await connection.fetchrow(
                "SELECT root.status, root.killed_by_budget, root.cancelled_by, child.status AS child_status, "
                "root.cost_usd + child.cost_usd AS cost_usd FROM execledger.executions AS root "
                "JOIN execledger.executions AS child ON child.root_execution_id = root.external_id "
                "WHERE root.external_id = $1 AND child.id <> root.id"
                " AND root.ended_at IS NOT NULL AND child.ended_at IS NOT NULL",
                overspent.external_id,
            )

        row = await eventually(ended)
        assert row is not None
        assert (row["status"], row["killed_by_budget"], row["cancelled_by"]) == ("cancelled", True, "execledger")
        assert row["child_status"] == "cancelled"
        assert overspent.stop.limit.scope == "tree"
        assert Decimal(overspent.stop.limit.consumed) <= row["cost_usd"] < 30 * Decimal("0.02")
        await connection.close()
