-- What log, duplicates, dead letters and the unlogged hold of each partition, counted rather than believed. The
-- first event of a record stands for it.
SELECT topic, partition, outcome, count(*) AS records, min("offset") AS first_offset, max("offset") AS last_offset
FROM (
    SELECT topic, partition, "offset", outcome FROM execledger.execution_events WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", 'duplicate' FROM execledger.duplicates WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", 'dead_lettered' FROM execledger.dead_letters WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", outcome FROM execledger.unlogged_records WHERE recorded_at IS NOT NULL
) AS record
GROUP BY topic, partition, outcome
