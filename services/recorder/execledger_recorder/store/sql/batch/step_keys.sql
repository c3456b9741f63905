-- The tries of all steps of an execution.
SELECT step_id, iteration, attempt, try_number FROM execledger.steps WHERE execution_id = $1
