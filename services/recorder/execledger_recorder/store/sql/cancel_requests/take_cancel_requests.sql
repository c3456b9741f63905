-- Takes a request to cancel that no recorder has taken, with a page of the executions that it is about: the one that it
-- names and, unless it says otherwise, all below that. Those that have really ended are left alone, and those whose events
-- all lie in topics that are read no longer. Requests take turns. The next page comes once the one before is recorded, for
-- it is then that commands are in the outbox; or after a while, for what never is.
WITH RECURSIVE taken AS (
    SELECT tenant_id, requested_by, key, execution_id, reason, descendants, requested_at, passed_to
    FROM execledger.cancel_requests AS request
    WHERE NOT is_passed_on AND (passed_at < now() - interval '1 minute' OR NOT EXISTS (
        SELECT FROM execledger.executions AS last
        WHERE last.id = request.passed_to AND last.cancel_requested_at IS NULL
          AND (last.ended_at IS NULL OR last.provisional)
    ))
    ORDER BY coalesce(passed_at, requested_at)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
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
), page AS MATERIALIZED (
    SELECT named.requested_by, named.key, named.reason, named.requested_at, execution.tenant_id, execution.external_id,
           execution.root_execution_id, execution.attempt, execution.id
    FROM concerned
    JOIN named USING (tenant_id, requested_by, key)
    JOIN execledger.executions AS execution ON execution.id = concerned.id
    WHERE (execution.ended_at IS NULL OR execution.provisional)
      AND (named.passed_to IS NULL OR execution.id > named.passed_to)
    ORDER BY execution.id
    LIMIT $2
), passed AS (
    UPDATE execledger.cancel_requests AS request
    SET is_passed_on = (SELECT count(*) < $2 FROM page), passed_at = now(),
        passed_to = (SELECT id FROM page ORDER BY id DESC LIMIT 1)
    FROM taken
    WHERE (request.tenant_id, request.requested_by, request.key) = (taken.tenant_id, taken.requested_by, taken.key)
), to_cancel AS (
    SELECT page.*, first.topic
    FROM page
    CROSS JOIN LATERAL (
        SELECT event.topic
        FROM execledger.execution_events AS event
        WHERE event.execution_id = page.id AND event.topic = ANY ($1::text[])
        ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
        LIMIT 1
    ) AS first
)
-- A row without an execution: it concerned none.
SELECT to_cancel.requested_by, to_cancel.key, to_cancel.reason, to_cancel.requested_at, to_cancel.tenant_id,
       to_cancel.external_id, to_cancel.root_execution_id, to_cancel.attempt, to_cancel.topic
FROM taken
LEFT JOIN to_cancel ON true
ORDER BY to_cancel.id
