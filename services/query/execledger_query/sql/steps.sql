-- The steps of an execution, all attempts, in the order in which they were first heard of.
SELECT execution_id, /* columns */
FROM execledger.steps
WHERE execution_id = $2 /* AND filters */
ORDER BY first_event_at, step_id COLLATE "C", iteration, attempt
LIMIT $1
