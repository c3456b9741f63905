-- Dead letters by the way in which they are bad, the most frequent first; the detail is that of the first.
WITH grouped AS (
    SELECT fingerprint, reason, count(*) AS letters, count(redriven_at) AS redriven, min(id) AS first_id,
           min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM execledger.dead_letters
    WHERE ($1::text[] IS NULL OR reason = ANY ($1)) AND ($2::text[] IS NULL OR fingerprint = ANY ($2))
        AND ($3::timestamptz IS NULL OR "timestamp" >= $3)
    GROUP BY fingerprint, reason
)
SELECT grouped.fingerprint, grouped.reason, first.detail, letters, redriven, first_at, last_at
FROM grouped
JOIN execledger.dead_letters AS first ON first.id = grouped.first_id
ORDER BY letters DESC, first_id
