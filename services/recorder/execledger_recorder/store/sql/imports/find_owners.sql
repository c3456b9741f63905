-- What owners are called, each with the newest of its executions and the topic of that one's first event among those that
-- are read; has_created: an event said when it was made.
SELECT owner.id, owner.tenant_id, owner.email, owner.name, owner.occurred_at AS said_at, execution.external_id,
       execution.root_execution_id, execution.attempt, coalesce(first.has_created, false) AS has_created, first.topic
FROM execledger.owners AS owner
CROSS JOIN LATERAL (
    SELECT id, external_id, root_execution_id, attempt
    FROM execledger.executions
    WHERE tenant_id = owner.tenant_id AND owner_id = owner.id
    ORDER BY id DESC
    LIMIT 1
) AS execution
LEFT JOIN LATERAL (
    SELECT event.topic, bool_or(event.rank = 0) OVER () AS has_created
    FROM execledger.execution_events AS event
    WHERE event.execution_id = execution.id AND event.topic = ANY ($3::text[])
    ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
    LIMIT 1
) AS first ON true
WHERE owner.id = ANY ($1::text[]) AND ($2::text IS NULL OR owner.tenant_id = $2)
