-- Offsets that retention deleted before they were read: counted, and never passed over in silence.
UPDATE execledger.ledger
SET missed = missed + $3 - next_offset, next_offset = $3, updated_at = now()
WHERE topic = $1 AND partition = $2 AND next_offset < $3
