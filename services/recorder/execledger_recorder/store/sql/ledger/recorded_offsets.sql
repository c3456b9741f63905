-- The offsets of a partition that the tables hold, from one up to another, and under which heading: that of
-- its first event.
SELECT "offset", outcome FROM execledger.execution_events
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 AND event_index = 0
UNION ALL
SELECT "offset", 'duplicate' FROM execledger.duplicates
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 AND event_index = 0
UNION ALL
SELECT "offset", 'dead_lettered' FROM execledger.dead_letters
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 AND event_index = 0
UNION ALL
SELECT "offset", outcome FROM execledger.unlogged_records
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 AND recorded_at IS NOT NULL
