-- What a tenant, or one of its owners, may consume in a UTC day.
INSERT INTO execledger.daily_limits (tenant_id, owner_id, token_limit, cost_limit_usd)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, owner_id) DO UPDATE
SET token_limit = excluded.token_limit, cost_limit_usd = excluded.cost_limit_usd
