-- Where each partition of a topic is to be read on.
SELECT partition, next_offset FROM execledger.ledger WHERE topic = $1 AND partition = ANY ($2::integer[])
