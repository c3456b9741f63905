-- The logged events of some executions that lie behind a place in the order of events.
SELECT execution_id, event_id, raw
FROM execledger.execution_events
WHERE execution_id = ANY ($1::uuid[])
  AND (attempt, occurred_at, coalesce(sequence, -1), rank, event_id)
      > ($2::bigint, $3::timestamptz, $4::bigint, $5::bigint, $6::uuid)
