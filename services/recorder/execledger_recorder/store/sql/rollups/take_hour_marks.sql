-- Takes all marks of some hours; one that a later batch adds in the meantime is taken the next time.
DELETE FROM execledger.rollup_marks
WHERE (tenant_id, span, start_at) IN (
    SELECT tenant_id, span, start_at FROM execledger.rollup_marks WHERE span = 'hour' GROUP BY 1, 2, 3 LIMIT $1
)
RETURNING tenant_id, start_at
