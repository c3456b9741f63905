-- Computes an hour of a roll-up anew from its slices, a day from its hours, a month from its days.
WITH gone AS (
    DELETE FROM execledger.rolled_{name} WHERE tenant_id = $1::text AND span = $3::text AND start_at = $2::timestamptz
), cell AS (
    SELECT {keys}, part.bucket, sum(part.number) AS number, {first_sums}
    FROM execledger.rolled_{name}
    LEFT JOIN LATERAL unnest(buckets, counts) WITH ORDINALITY AS part (bucket, number, place) ON true
    WHERE tenant_id = $1::text AND span = $4::text AND start_at >= $2::timestamptz
      AND start_at < date_add($2::timestamptz, ('1 ' || $3::text)::interval, 'UTC')
    GROUP BY {keys}, part.bucket
)
INSERT INTO execledger.rolled_{name} (tenant_id, span, start_at, {keys}, {measures}, buckets, counts)
SELECT $1::text, $3::text, $2::timestamptz, {keys}, {sums},
       coalesce(array_agg(bucket ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}'),
       coalesce(array_agg(number ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}')
FROM cell
GROUP BY {keys}
