-- How long the executions of a workflow may be silent from now on.
INSERT INTO execledger.silence_limits (tenant_id, workflow_id, seconds) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, workflow_id) DO UPDATE SET seconds = excluded.seconds
