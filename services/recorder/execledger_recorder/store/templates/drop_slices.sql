-- Drops the slices of an hour of a roll-up, once the hour is their sum.
DELETE FROM execledger.rolled_{name} WHERE tenant_id = $1::text AND span = 'slice' AND start_at = $2::timestamptz
