-- Moves the account of a partition over the record that is next, when it is to be skipped.
WITH passed AS (
    UPDATE execledger.unlogged_records AS record
    SET recorded_at = now()
    FROM execledger.ledger AS ledger
    WHERE ledger.topic = $1 AND ledger.partition = $2 AND record.topic = $1 AND record.partition = $2
      AND record."offset" = ledger.next_offset AND recorded_at IS NULL
    RETURNING record."offset"
)
UPDATE execledger.ledger
SET next_offset = next_offset + 1, skipped = skipped + 1, updated_at = now()
FROM passed
WHERE topic = $1 AND partition = $2 AND next_offset = passed."offset"
RETURNING next_offset
