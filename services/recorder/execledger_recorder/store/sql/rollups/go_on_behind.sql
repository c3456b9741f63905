-- The next slice of an hour begins behind this place.
UPDATE execledger.sliced_hours SET start_at = $3, id = $4 WHERE tenant_id = $1 AND hour_at = $2
