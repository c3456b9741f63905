-- Notes that an hour is summed in slices, the first of which begins with it.
INSERT INTO execledger.sliced_hours (tenant_id, hour_at, start_at, id)
VALUES ($1, $2, $2, '00000000-0000-0000-0000-000000000000')
