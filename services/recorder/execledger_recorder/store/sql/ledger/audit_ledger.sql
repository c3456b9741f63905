-- What log, duplicates and dead letters hold of each partition, counted rather than believed.
SELECT topic, partition, outcome, count(*) AS records, min("offset") AS first_offset, max("offset") AS last_offset
FROM (
    SELECT topic, partition, "offset", outcome FROM execledger.execution_events
    UNION ALL
    SELECT topic, partition, "offset", 'duplicate' FROM execledger.duplicates
    UNION ALL
    SELECT topic, partition, "offset", 'dead_lettered' FROM execledger.dead_letters
) AS record
GROUP BY topic, partition, outcome
