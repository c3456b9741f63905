-- Takes requests to cancel that no recorder has taken, with the executions that each is about: the one that it names and,
-- unless it says otherwise, all below that. Those that have really ended are left alone, and those whose events all lie in
-- topics that are read no longer.
WITH RECURSIVE taken AS (
    UPDATE execledger.cancel_requests AS request SET is_passed_on = true
    WHERE (tenant_id, requested_by, key) IN (
        SELECT tenant_id, requested_by, key
        FROM execledger.cancel_requests
        WHERE NOT is_passed_on
        ORDER BY requested_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    RETURNING tenant_id, requested_by, key, execution_id, reason, descendants, requested_at
), named AS (
    SELECT taken.*, execution.id, execution.external_id, execution.root_execution_id
    FROM taken
    JOIN execledger.executions AS execution ON execution.id = taken.execution_id AND execution.tenant_id = taken.tenant_id
), reached AS (
    SELECT tenant_id, requested_by, key, id, external_id FROM named
    UNION  -- not ALL: executions may name each other as parents
    SELECT below.tenant_id, reached.requested_by, reached.key, below.id, below.external_id
    FROM reached
    JOIN named USING (tenant_id, requested_by, key)
    JOIN execledger.executions AS below
      ON below.tenant_id = reached.tenant_id AND below.parent_execution_id = reached.external_id
    WHERE named.descendants
), concerned AS (
    SELECT tenant_id, requested_by, key, id FROM reached
    UNION
    SELECT named.tenant_id, named.requested_by, named.key, below.id
    FROM named
    JOIN execledger.executions AS below
      ON below.tenant_id = named.tenant_id AND below.root_execution_id = named.external_id
     AND below.root_execution_id <> below.external_id
    WHERE named.descendants AND named.root_execution_id = named.external_id
)
SELECT named.requested_by, named.key, named.reason, named.requested_at, execution.tenant_id, execution.external_id,
       execution.root_execution_id, execution.attempt, first.topic
FROM concerned
JOIN named USING (tenant_id, requested_by, key)
JOIN execledger.executions AS execution ON execution.id = concerned.id
CROSS JOIN LATERAL (
    SELECT event.topic
    FROM execledger.execution_events AS event
    WHERE event.execution_id = execution.id AND event.topic = ANY ($1::text[])
    ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
    LIMIT 1
) AS first
WHERE execution.ended_at IS NULL OR execution.provisional
ORDER BY named.requested_at, execution.created_at, execution.id
