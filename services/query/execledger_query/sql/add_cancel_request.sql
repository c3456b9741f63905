-- Asks to cancel an execution, in the name of the one whose transaction it is, once for each key.
INSERT INTO execledger.cancel_requests
    (tenant_id, requested_by, key, execution_id, reason, descendants, requested_at, answer)
VALUES ($1, current_setting('execledger.owner'), $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING true AS asked
