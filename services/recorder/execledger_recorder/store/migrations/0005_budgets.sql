-- Limits per UTC day of a tenant, or of one of its owners; and the halts that were sent, so that each is sent once.

CREATE TABLE execledger.daily_limits (
    tenant_id      text NOT NULL,
    owner_id       text NOT NULL DEFAULT '',  -- empty: the tenant as a whole
    token_limit    bigint CHECK (token_limit >= 0),
    cost_limit_usd numeric CHECK (cost_limit_usd >= 0),
    PRIMARY KEY (tenant_id, owner_id),
    CHECK (token_limit IS NOT NULL OR cost_limit_usd IS NOT NULL)
);

CREATE TABLE execledger.halts (
    execution_id uuid NOT NULL,
    attempt      integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('tokens', 'cost_usd')),
    scope        text NOT NULL CHECK (scope IN ('execution', 'owner', 'tenant')),
    halted_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (execution_id, attempt, kind, scope)
);

-- A tenant's day is the sum of its owners' days.
CREATE INDEX usage_daily_day ON execledger.usage_daily (tenant_id, day);
-- The relay reads topic by topic: one that cannot be written does not hold up another.
CREATE INDEX outbox_topic ON execledger.outbox (topic, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.daily_limits, execledger.halts TO execledger_recorder;
