-- An hour that is being summed in slices, and the place behind which its next one begins.
SELECT tenant_id, hour_at, start_at, id FROM execledger.sliced_hours ORDER BY hour_at, tenant_id LIMIT 1
