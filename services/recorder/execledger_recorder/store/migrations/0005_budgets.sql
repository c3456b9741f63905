-- Limits per UTC day of a tenant, or of one of its owners; and what was sent for limits, so that each is sent once.

CREATE TABLE execledger.daily_limits (
    tenant_id      text NOT NULL,
    owner_id       text NOT NULL DEFAULT '',  -- empty: the tenant as a whole
    token_limit    bigint CHECK (token_limit >= 0),
    cost_limit_usd numeric CHECK (cost_limit_usd >= 0),
    PRIMARY KEY (tenant_id, owner_id),
    CHECK (token_limit IS NOT NULL OR cost_limit_usd IS NOT NULL)
);

CREATE TABLE execledger.limit_commands (
    execution_id uuid NOT NULL,
    attempt      integer NOT NULL,
    type         text NOT NULL CHECK (type IN ('warning', 'halt')),
    kind         text NOT NULL CHECK (kind IN ('tokens', 'cost_usd')),
    whose        text NOT NULL CHECK (whose IN ('budget', 'owner', 'tenant')),
    day          date,  -- of a limit that holds for a day
    value        numeric NOT NULL,
    noted_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (execution_id, attempt, type, kind, whose, day, value)
);

-- A tenant's day is the sum of its owners' days.
CREATE INDEX usage_daily_day ON execledger.usage_daily (tenant_id, day);
-- The relay reads topic by topic: one that cannot be written does not hold up another.
CREATE INDEX outbox_topic ON execledger.outbox (topic, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.daily_limits, execledger.limit_commands TO execledger_recorder;
