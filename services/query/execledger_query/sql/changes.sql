-- What lies behind a position of each lane, so many changes at most: from each lane as many as from any other. The version
-- is that of a batch, whose lane is a partition; what others write changes the record at the same version.
SELECT
    found.lane, found.position, found.tenant_id, found.execution_id,
    CASE WHEN lanes.name LIKE '%/%' THEN found.version END AS version, found.what
FROM unnest($1::integer[], $2::bigint[]) AS seen (lane, position)
JOIN execledger.feed_lanes AS lanes ON lanes.lane = seen.lane
CROSS JOIN LATERAL (
    SELECT * FROM execledger.changes
    WHERE changes.lane = seen.lane AND changes.position > seen.position
    ORDER BY changes.position
    LIMIT $3
) AS found
ORDER BY found.position - seen.position, found.lane
LIMIT $3
