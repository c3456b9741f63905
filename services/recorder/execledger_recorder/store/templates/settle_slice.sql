-- Adds a slice of an hour to a roll-up: what its executions come to behind one place, as far as another.
WITH cell AS (
    SELECT {keys}, duration_bucket, count(*) AS number, {sums}
    FROM execledger.measured_{name}
    WHERE tenant_id = $1::text
      AND start_at >= $3::timestamptz AND start_at <= $5::timestamptz AND start_at < $2::timestamptz + interval '1 hour'
      AND (start_at > $3::timestamptz OR id > $4::uuid) AND (start_at < $5::timestamptz OR id <= $6::uuid)
    GROUP BY {keys}, duration_bucket
)
INSERT INTO execledger.rolled_{name} (tenant_id, span, start_at, {keys}, {measures}, buckets, counts)
SELECT $1::text, 'slice', $2::timestamptz, {keys}, {sums},
       coalesce(array_agg(duration_bucket ORDER BY duration_bucket) FILTER (WHERE duration_bucket IS NOT NULL), '{{}}'),
       coalesce(array_agg(number ORDER BY duration_bucket) FILTER (WHERE duration_bucket IS NOT NULL), '{{}}')
FROM cell
GROUP BY {keys}
