-- Offsets that stand under more than one heading, or under one twice.
SELECT topic, partition, "offset", string_agg(outcome, ', ' ORDER BY outcome) AS found
FROM (
    SELECT topic, partition, "offset", outcome FROM execledger.execution_events
    UNION ALL
    SELECT topic, partition, "offset", 'duplicate' FROM execledger.duplicates
    UNION ALL
    SELECT topic, partition, "offset", 'dead_lettered' FROM execledger.dead_letters
    UNION ALL
    SELECT topic, partition, "offset", outcome FROM execledger.unlogged_records WHERE recorded_at IS NOT NULL
) AS record
GROUP BY topic, partition, "offset"
HAVING count(*) > 1
ORDER BY topic, partition, "offset"
LIMIT 1000
