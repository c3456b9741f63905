-- Offsets that retention deleted before they were read: counted, and never passed over in silence. How many there were;
-- no row when another recorder has counted them, or read them while they were there.
UPDATE execledger.ledger AS ledger
SET missed = ledger.missed + $3 - ledger.next_offset, next_offset = $3, updated_at = now()
FROM (SELECT next_offset FROM execledger.ledger WHERE topic = $1 AND partition = $2 FOR UPDATE) AS before
WHERE ledger.topic = $1 AND ledger.partition = $2 AND ledger.next_offset < $3
RETURNING $3 - before.next_offset
