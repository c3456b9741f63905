-- What lies behind a position of each lane, so many changes at most: from each lane as many as from any other.
SELECT found.lane, found.position, found.tenant_id, found.execution_id, found.version, found.what, found.changed_at
FROM unnest($1::integer[], $2::bigint[]) AS seen (lane, position)
CROSS JOIN LATERAL (
    SELECT * FROM execledger.changes
    WHERE changes.lane = seen.lane AND changes.position > seen.position
    ORDER BY changes.position
    LIMIT $3
) AS found
ORDER BY found.position - seen.position, found.lane
LIMIT $3
