-- A record that is to be skipped when the ledger comes to it; no row when that was asked for before.
INSERT INTO execledger.unlogged_records (topic, partition, "offset", outcome, reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING "offset"
