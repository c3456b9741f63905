-- Computes an hour of a roll-up anew from the rows. One hour for each statement: of several, the planner reads everything.
WITH gone AS (
    DELETE FROM execledger.rolled_{name} WHERE tenant_id = $1::text AND span = 'hour' AND start_at = $2::timestamptz
), cell AS (
    SELECT {keys}, duration_bucket, count(*) AS number, {sums}
    FROM execledger.measured_{name}
    WHERE tenant_id = $1::text AND start_at >= $2::timestamptz AND start_at < $2::timestamptz + interval '1 hour'
    GROUP BY {keys}, duration_bucket
)
INSERT INTO execledger.rolled_{name} (tenant_id, span, start_at, {keys}, {measures}, buckets, counts)
SELECT $1::text, 'hour', $2::timestamptz, {keys}, {sums},
       coalesce(array_agg(duration_bucket ORDER BY duration_bucket) FILTER (WHERE duration_bucket IS NOT NULL), '{{}}'),
       coalesce(array_agg(number ORDER BY duration_bucket) FILTER (WHERE duration_bucket IS NOT NULL), '{{}}')
FROM cell
GROUP BY {keys}
