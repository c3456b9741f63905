-- An hour has all its slices.
DELETE FROM execledger.sliced_hours WHERE tenant_id = $1 AND hour_at = $2
