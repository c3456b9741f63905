-- Tool calls of executions that are written anew.
DELETE FROM execledger.tool_calls WHERE execution_id = ANY ($1::uuid[])
