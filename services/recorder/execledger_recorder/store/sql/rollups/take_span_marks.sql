-- Takes all marks of some days or months that are at rest, or have waited for long: today's is not summed every second.
DELETE FROM execledger.rollup_marks
WHERE (tenant_id, span, start_at) IN (
    SELECT tenant_id, span, start_at
    FROM execledger.rollup_marks
    WHERE span = $2
    GROUP BY 1, 2, 3
    HAVING max(marked_at) < now() - make_interval(secs => $3) OR min(marked_at) < now() - make_interval(secs => 10 * $3)
    LIMIT $1
)
RETURNING tenant_id, start_at
