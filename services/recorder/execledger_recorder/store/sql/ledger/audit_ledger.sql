-- What log, duplicates, dead letters and the unlogged hold of each partition, counted rather than believed.
SELECT topic, partition, outcome, count(*) AS records, min("offset") AS first_offset, max("offset") AS last_offset
FROM (
    SELECT topic, partition, "offset", outcome FROM execledger.execution_events
    UNION ALL
    SELECT topic, partition, "offset", 'duplicate' FROM execledger.duplicates
    UNION ALL
    SELECT topic, partition, "offset", 'dead_lettered' FROM execledger.dead_letters
    UNION ALL
    SELECT topic, partition, "offset", outcome FROM execledger.unlogged_records WHERE recorded_at IS NOT NULL
) AS record
GROUP BY topic, partition, outcome
