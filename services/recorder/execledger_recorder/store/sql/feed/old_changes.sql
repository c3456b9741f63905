-- Up to where the oldest changes of each lane are older than that; of so many in each lane at most.
SELECT lane.lane, max(oldest.position) + 1 AS kept_from
FROM execledger.feed_lanes AS lane
CROSS JOIN LATERAL (
    SELECT position, changed_at FROM execledger.changes
    WHERE changes.lane = lane.lane AND changes.position >= lane.kept_from
    ORDER BY position
    LIMIT $2
) AS oldest
WHERE oldest.changed_at < now() - $1::float8 * interval '1 second'
GROUP BY lane.lane
ORDER BY lane.lane
