-- Takes all marks of some hours, days or months that are at rest, or have waited for long: today is not summed every
-- second. Those of an hour that is summed in slices wait for its end; one that is added later is taken the next time.
DELETE FROM execledger.rollup_marks
WHERE (tenant_id, span, start_at) IN (
    SELECT tenant_id, span, start_at
    FROM execledger.rollup_marks AS mark
    WHERE span = $2 AND NOT EXISTS (
        SELECT FROM execledger.sliced_hours AS sliced
        WHERE mark.span = 'hour' AND sliced.tenant_id = mark.tenant_id AND sliced.hour_at = mark.start_at
    )
    GROUP BY 1, 2, 3
    HAVING max(marked_at) < now() - make_interval(secs => $3) OR min(marked_at) < now() - make_interval(secs => 10 * $3)
    LIMIT $1
)
RETURNING tenant_id, start_at
