-- What an owner's executions of some workflows come to, from its rows: by version and status, and in buckets of duration.
SELECT tenant_id, workflow_id, workflow_version, status, NULL::smallint AS bucket, count(*) AS number
FROM execledger.measured_executions
WHERE workflow_id = ANY ($1::text[])
GROUP BY tenant_id, workflow_id, workflow_version, status
UNION ALL
SELECT tenant_id, workflow_id, NULL, NULL, duration_bucket, count(*)
FROM execledger.measured_executions
WHERE workflow_id = ANY ($1::text[]) AND duration_bucket IS NOT NULL
GROUP BY tenant_id, workflow_id, duration_bucket
