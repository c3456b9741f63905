-- Takes some marks; one that a later batch adds in the meantime is taken the next time.
DELETE FROM execledger.usage_marks
WHERE ctid = ANY (ARRAY(SELECT ctid FROM execledger.usage_marks LIMIT 10000 FOR UPDATE SKIP LOCKED))
RETURNING tenant_id, owner_id, day
