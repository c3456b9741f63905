-- How long the executions of each workflow may be silent.
SELECT tenant_id, workflow_id, seconds FROM execledger.silence_limits ORDER BY tenant_id, workflow_id
