-- The steps of an execution, all attempts and tries, in the order in which they were first heard of.
SELECT execution_id, iteration_key, /* columns */
FROM execledger.steps
WHERE execution_id = $2 /* AND filters */
ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number
LIMIT $1
