-- Offsets whose first event stands under more than one heading, or under one twice.
SELECT topic, partition, "offset", string_agg(outcome, ', ' ORDER BY outcome) AS found
FROM (
    SELECT topic, partition, "offset", outcome FROM execledger.execution_events WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", 'duplicate' FROM execledger.duplicates WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", 'dead_lettered' FROM execledger.dead_letters WHERE event_index = 0
    UNION ALL
    SELECT topic, partition, "offset", outcome FROM execledger.unlogged_records WHERE recorded_at IS NOT NULL
) AS record
GROUP BY topic, partition, "offset"
HAVING count(*) > 1
ORDER BY topic, partition, "offset"
LIMIT 1000
