-- Open executions that are past a limit by the least clock of the partitions in which their events lie, and of which
-- nothing was decided since their newest event. A clock is the moment up to which a partition is recorded. Of a row that
-- was damaged by hand nothing here raises, or it would keep the watchdog from all others: the newest event is the log's,
-- and seconds are subtracted, for infinite timestamps cannot be.
WITH clocks AS MATERIALIZED (
    SELECT partition, least(oldest_unrecorded_at, observed_at) AS at FROM execledger.ledger_ends WHERE topic = $1
), latest AS MATERIALIZED (
    SELECT max(at) AS at FROM clocks
), suspects AS MATERIALIZED (  -- past a limit by the latest clock: only of these the log is read
    SELECT execution.id, execution.tenant_id, execution.external_id, execution.root_execution_id, execution.attempt,
        execution.version, execution.timeout_seconds, execution.heard_at, silence.seconds AS silence_seconds,
        -- One that was heard after its timeout had ended it is given that time once more.
        CASE WHEN EXISTS (SELECT FROM execledger.watchdog_decisions AS earlier
                          WHERE earlier.execution_id = execution.id AND earlier.attempt = execution.attempt
                            AND earlier.decision = 'timeout')
             THEN execution.heard_at ELSE coalesce(execution.started_at, execution.created_at) END AS timed_from
    FROM latest
    CROSS JOIN execledger.executions AS execution
    LEFT JOIN execledger.silence_limits AS silence USING (tenant_id, workflow_id)
    WHERE execledger.is_open(execution.status)
      AND (extract(epoch FROM latest.at) - extract(epoch FROM coalesce(execution.started_at, execution.created_at))
               > execution.timeout_seconds
           OR extract(epoch FROM latest.at) - extract(epoch FROM execution.heard_at) > silence.seconds)
      -- Nor of those that were decided: imported ones may be many, and stay open. The newest event's id is the first text
      -- in a fold; where that was damaged, the log is asked below.
      AND NOT EXISTS (SELECT FROM execledger.watchdog_decisions AS decided
                      WHERE decided.execution_id = execution.id AND decided.attempt = execution.attempt
                        AND decided.newest_event_id::text = split_part(execution.fold, '"', 2))
)
SELECT suspect.id, suspect.tenant_id, suspect.external_id, suspect.root_execution_id, suspect.attempt, suspect.version,
    suspect.timed_from, suspect.timeout_seconds, suspect.heard_at, suspect.silence_seconds, own.clock,
    newest.occurred_at AS newest_at, newest.event_id AS newest_event_id,
    NOT EXISTS (SELECT FROM execledger.execution_events AS event
                WHERE event.execution_id = suspect.id
                  AND event.raw ->> 'source' <> $2 AND NOT starts_with(event.raw ->> 'source', $2 || ':'))
        AS is_imported
FROM suspects AS suspect
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(clocks.at IS NOT NULL) THEN min(clocks.at) END AS clock
    FROM execledger.execution_events AS event
    LEFT JOIN clocks USING (partition)
    WHERE event.execution_id = suspect.id AND event.topic = $1
) AS own
CROSS JOIN LATERAL (
    SELECT event.occurred_at, event.event_id
    FROM execledger.execution_events AS event
    WHERE event.execution_id = suspect.id
    ORDER BY attempt DESC, occurred_at DESC, coalesce(sequence, -1) DESC, rank DESC, event_id DESC
    LIMIT 1
) AS newest
WHERE NOT EXISTS (SELECT FROM execledger.watchdog_decisions AS decided
                  WHERE decided.execution_id = suspect.id AND decided.attempt = suspect.attempt
                    AND decided.newest_event_id = newest.event_id)
  AND (extract(epoch FROM own.clock) - extract(epoch FROM suspect.timed_from) > suspect.timeout_seconds
       OR extract(epoch FROM own.clock) - extract(epoch FROM suspect.heard_at) > suspect.silence_seconds)
LIMIT $3
