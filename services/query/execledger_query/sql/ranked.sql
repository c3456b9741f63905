-- Of the executions that start in a range those of which there is most: they took longest, or cost most.
SELECT id, external_id, workflow_id, workflow_version, owner_id, status, started_at, ended_at, duration_ms, total_tokens,
       cost_usd
FROM execledger.executions AS execution
WHERE execledger.start_of(started_at, created_at) >= $2::timestamptz
  AND execledger.start_of(started_at, created_at) < $3::timestamptz/* AND filters */
ORDER BY /* by DESC, */id DESC
LIMIT $1
