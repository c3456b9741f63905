-- Open executions that are past a limit by the least clock of all partitions that are consumed, and of which nothing was
-- decided since their newest event. A clock is the moment up to which a partition is recorded. Of a row that was damaged
-- by hand nothing here raises, or it would keep the watchdog from all others: the newest event is the log's, and seconds
-- are subtracted, for infinite timestamps cannot be.
WITH consumed AS MATERIALIZED (
    SELECT CASE WHEN bool_and(ends.observed_at IS NOT NULL)
                THEN min(least(ends.oldest_unrecorded_at, ends.observed_at)) END AS clock
    FROM execledger.ledger AS ledger
    LEFT JOIN execledger.ledger_ends AS ends USING (topic, partition)
    WHERE ledger.topic = ANY ($1::text[])
), suspects AS MATERIALIZED (  -- only of these the log is read
    SELECT execution.id, execution.tenant_id, execution.external_id, execution.root_execution_id, execution.attempt,
        execution.version, execution.timeout_seconds, execution.heard_at, silence.seconds AS silence_seconds,
        -- One that was heard after its timeout had ended it is given that time once more.
        CASE WHEN EXISTS (SELECT FROM execledger.watchdog_decisions AS earlier
                          WHERE earlier.execution_id = execution.id AND earlier.attempt = execution.attempt
                            AND earlier.decision = 'timeout')
             THEN execution.heard_at ELSE coalesce(execution.started_at, execution.created_at) END AS timed_from,
        consumed.clock
    FROM consumed
    CROSS JOIN execledger.executions AS execution
    LEFT JOIN execledger.silence_limits AS silence  -- of one that waits for somebody silence says nothing
        ON silence.tenant_id = execution.tenant_id AND silence.workflow_id = execution.workflow_id
       AND execution.paused_at IS NULL
    WHERE execledger.is_open(execution.status)
      AND (extract(epoch FROM consumed.clock) - extract(epoch FROM coalesce(execution.started_at, execution.created_at))
               > execution.timeout_seconds
           OR extract(epoch FROM consumed.clock) - extract(epoch FROM execution.heard_at) > silence.seconds)
      -- Nor of those that were decided: imported ones may be many, and stay open. The newest event's id is the first text
      -- in a fold; where that was damaged, the log is asked below.
      AND NOT EXISTS (SELECT FROM execledger.watchdog_decisions AS decided
                      WHERE decided.execution_id = execution.id AND decided.attempt = execution.attempt
                        AND decided.newest_event_id::text = split_part(execution.fold, '"', 2))
)
SELECT suspect.id, suspect.tenant_id, suspect.external_id, suspect.root_execution_id, suspect.attempt, suspect.version,
    suspect.timed_from, suspect.timeout_seconds, suspect.heard_at, suspect.silence_seconds, suspect.clock,
    newest.occurred_at AS newest_at, newest.event_id AS newest_event_id, first.topic,
    NOT EXISTS (SELECT FROM execledger.execution_events AS event
                WHERE event.execution_id = suspect.id
                  AND event.raw ->> 'source' <> $2 AND NOT starts_with(event.raw ->> 'source', $2 || ':'))
        AS is_imported
FROM suspects AS suspect
CROSS JOIN LATERAL (
    SELECT event.occurred_at, event.event_id
    FROM execledger.execution_events AS event
    WHERE event.execution_id = suspect.id
    ORDER BY
        -- What was sent with an attempt that did not begin is of the highest that did.
        CASE WHEN rank = ANY ($4::smallint[]) THEN least(attempt, suspect.attempt) ELSE attempt END DESC,
        occurred_at DESC, coalesce(sequence, -1) DESC, rank DESC, event_id DESC
    LIMIT 1
) AS newest
CROSS JOIN LATERAL (  -- of one whose events all lie in other topics nobody hears any more, or its ending has no room
    SELECT event.topic
    FROM execledger.execution_events AS event
    WHERE event.execution_id = suspect.id AND event.topic = ANY ($5::text[])
    ORDER BY
        CASE WHEN rank = ANY ($4::smallint[]) THEN least(attempt, suspect.attempt) ELSE attempt END,
        occurred_at, coalesce(sequence, -1), rank, event_id
    LIMIT 1
) AS first
WHERE NOT EXISTS (SELECT FROM execledger.watchdog_decisions AS decided
                  WHERE decided.execution_id = suspect.id AND decided.attempt = suspect.attempt
                    AND decided.newest_event_id = newest.event_id)
  AND (extract(epoch FROM suspect.clock) - extract(epoch FROM suspect.timed_from) > suspect.timeout_seconds
       OR extract(epoch FROM suspect.clock) - extract(epoch FROM suspect.heard_at) > suspect.silence_seconds)
LIMIT $3
