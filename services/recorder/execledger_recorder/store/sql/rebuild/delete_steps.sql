-- Steps of executions that are written anew.
DELETE FROM execledger.steps WHERE execution_id = ANY ($1::uuid[])
