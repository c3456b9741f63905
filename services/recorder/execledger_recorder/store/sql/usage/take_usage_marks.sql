-- Takes some marks; one that a later batch adds in the meantime is taken the next time. One recorder at a time, until
-- its transaction ends: of two that compute the same day, the one that looked earlier could write later.
DELETE FROM execledger.usage_marks
WHERE ctid = ANY (ARRAY(SELECT ctid FROM execledger.usage_marks LIMIT $1))
  AND (SELECT pg_try_advisory_xact_lock(hashtext('execledger.usage')))
RETURNING tenant_id, owner_id, day
