-- The executions that rows of older tables name, by the label row_id or by their external id, with the topic of their first
-- event among those that are read: what else is said of them goes there.
WITH named AS (
    SELECT DISTINCT true AS by_row, label.value AS name, label.execution_id AS id
    FROM execledger.execution_labels AS label
    WHERE label.kind = 'label' AND label.key = 'row_id' AND label.value = ANY ($1::text[])
    UNION ALL
    SELECT false, alias.external_id, alias.id
    FROM execledger.execution_aliases AS alias
    WHERE alias.external_id = ANY ($2::text[])
)
SELECT named.by_row, named.name, execution.tenant_id, execution.external_id, execution.root_execution_id,
       execution.attempt, execution.owner_id, first.topic
FROM named
JOIN execledger.executions AS execution ON execution.id = named.id
LEFT JOIN LATERAL (
    SELECT event.topic
    FROM execledger.execution_events AS event
    WHERE event.execution_id = execution.id AND event.topic = ANY ($4::text[])
    ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
    LIMIT 1
) AS first ON true
WHERE $3::text IS NULL OR execution.tenant_id = $3
