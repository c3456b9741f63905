-- Its executions may be silent for as long as they like; nothing returned when they could already.
DELETE FROM execledger.silence_limits WHERE tenant_id = $1 AND workflow_id = $2 RETURNING seconds
