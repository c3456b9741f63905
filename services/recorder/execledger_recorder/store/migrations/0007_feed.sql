-- The feed of changes: which executions each transaction changed, for those who follow along. Transactions of different
-- lanes commit in any order; within a lane positions become visible in order and without gaps, for its row is locked
-- from when a position is taken until the commit.

CREATE TABLE execledger.feed_lanes (
    lane          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE,       -- a partition as topic/partition, or a writer that is none
    next_position bigint NOT NULL DEFAULT 1,
    kept_from     bigint NOT NULL DEFAULT 1,  -- what lies before was dropped, for its age
    CHECK (kept_from <= next_position)
);

CREATE TABLE execledger.changes (
    lane         integer NOT NULL,
    position     bigint NOT NULL,
    tenant_id    text NOT NULL,
    execution_id uuid NOT NULL,
    version      bigint NOT NULL,
    what         text NOT NULL CHECK (what IN ('created', 'changed', 'ended', 'reopened')),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, position)
);
SELECT execledger.add_derived_table('changes');

GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.feed_lanes TO execledger_recorder;
GRANT SELECT ON execledger.feed_lanes TO execledger_owner, execledger_tenant, execledger_admin;
