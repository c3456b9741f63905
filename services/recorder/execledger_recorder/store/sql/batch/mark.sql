-- Days of usage, hours of roll-ups, and roots of trees, that this batch touched, and how many events it added. Of the
-- executions that may be a root those are marked that have a tree.
WITH days AS (
    INSERT INTO execledger.usage_marks (tenant_id, owner_id, day)
    SELECT tenant_id, owner_id, day FROM unnest($1::text[], $2::text[], $3::date[]) AS touched (tenant_id, owner_id, day)
), hours AS (
    INSERT INTO execledger.rollup_marks (tenant_id, span, start_at)
    SELECT tenant_id, 'hour', to_timestamp(hour::bigint * 3600)
    FROM unnest($8::text[], $9::integer[]) AS touched (tenant_id, hour)
), events AS (
    INSERT INTO execledger.counted_events (tenant_id, start_at, type, events)
    SELECT tenant_id, to_timestamp(hour::bigint * 3600), type, events
    FROM unnest($10::text[], $11::integer[], $12::text[], $13::bigint[]) AS counted (tenant_id, hour, type, events)
)
INSERT INTO execledger.tree_marks (tenant_id, root_execution_id)
SELECT tenant_id, root_execution_id FROM unnest($4::text[], $5::text[]) AS named (tenant_id, root_execution_id)
UNION ALL
SELECT tenant_id, root_execution_id
FROM unnest($6::text[], $7::text[]) AS changed (tenant_id, root_execution_id)
JOIN execledger.trees USING (tenant_id, root_execution_id)
