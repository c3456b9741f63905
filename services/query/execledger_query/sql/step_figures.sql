-- How many tries of steps there are by status, from roll-ups, for /metrics.
SELECT step_status AS status, sum(steps)::float8 AS steps FROM execledger.settled_steps GROUP BY step_status
