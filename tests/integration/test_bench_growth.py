"""A database that make bench filled up holds what one that was recorded into would."""

from bench.growth import Filling
from bench.site import connected
from factories_recorder import Topic, desk, history

_ROWS = """
SELECT count(*) FROM execledger.execution_aliases AS alias JOIN execledger.executions AS execution USING (id)
JOIN execledger.{0} AS child ON child.execution_id = alias.id WHERE execution.external_id = alias.external_id
"""
_TABLES = ("execution_events", "steps", "llm_calls", "tool_calls", "execution_labels")


async def test_filling_up_copies_whole_executions_under_other_ids(database: str) -> None:
    async with desk(database) as recorder:
        await recorder.record(Topic().add(*history()))
    said: list[str] = []
    async with connected(database) as connection:
        first = {table: await connection.fetchval(_ROWS.format(table)) for table in _TABLES}
        filling = Filling(connection, said.append)
        await filling.keep()
        for copies in (3, 5):
            await filling.up_to(copies * first["execution_events"] - 1)
            filled = {table: await connection.fetchval(_ROWS.format(table)) for table in _TABLES}
            assert filled == {table: copies * rows for table, rows in first.items()}
    assert len(said) == 2
