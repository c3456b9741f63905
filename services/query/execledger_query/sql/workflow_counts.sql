-- What executions of some workflows come to, from roll-ups: by version and status, and in buckets of duration.
SELECT tenant_id, workflow_id, workflow_version, status, NULL::smallint AS bucket, sum(executions)::bigint AS number
FROM execledger.settled_executions
WHERE workflow_id = ANY ($1::text[])
GROUP BY tenant_id, workflow_id, workflow_version, status
UNION ALL
SELECT tenant_id, workflow_id, NULL, NULL, cell.bucket, sum(cell.number)::bigint
FROM execledger.settled_executions
CROSS JOIN LATERAL unnest(buckets, counts) AS cell (bucket, number)
WHERE workflow_id = ANY ($1::text[])
GROUP BY tenant_id, workflow_id, cell.bucket
