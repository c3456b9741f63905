-- Where the account of a partition stands, locked.
SELECT next_offset FROM execledger.ledger WHERE topic = $1 AND partition = $2 FOR UPDATE
