-- The limits of a UTC day, with what was consumed today.
SELECT daily.tenant_id, daily.owner_id, daily.token_limit, daily.cost_limit_usd,
       coalesce(sum(usage.total_tokens), 0) AS tokens_today, coalesce(sum(usage.cost_usd), 0) AS cost_usd_today
FROM execledger.daily_limits AS daily
LEFT JOIN execledger.usage_daily AS usage
       ON usage.tenant_id = daily.tenant_id AND usage.day = (now() AT TIME ZONE 'UTC')::date
      AND daily.owner_id IN ('', usage.owner_id)
GROUP BY daily.tenant_id, daily.owner_id
ORDER BY daily.tenant_id, daily.owner_id
