-- What the one whose transaction it is asked under that key.
SELECT execution_id, reason, descendants, answer
FROM execledger.cancel_requests
WHERE tenant_id = $1 AND requested_by = current_setting('execledger.owner') AND key = $2
