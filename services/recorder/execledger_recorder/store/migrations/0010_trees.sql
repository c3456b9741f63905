-- Trees: what a root and the executions that name it as theirs come to. Batches mark the roots whose trees they changed;
-- a task sums those anew within a second, so that a tree is the same in whatever order its parts came.

CREATE TABLE execledger.trees (
    tenant_id         text NOT NULL,
    root_execution_id text NOT NULL,  -- as its descendants say it: an external id
    executions        bigint NOT NULL,
    open              bigint NOT NULL,
    failed            bigint NOT NULL,
    total_tokens      bigint NOT NULL,
    cost_usd          numeric NOT NULL,
    revision          bigint NOT NULL DEFAULT 1,  -- how often the sums changed
    -- A transaction that did not see this tree yet may still change its root. Once none from before this one runs, the
    -- tree is summed once more; from then on every change of the root marks it.
    sum_again_at      xid8,
    is_settled        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, root_execution_id)
);
CREATE INDEX trees_unsettled ON execledger.trees (tenant_id, root_execution_id) WHERE NOT is_settled;
-- Of its own roots an owner may know that they have a tree, and that it changed. Its sums are those of its own rows, and
-- are computed when it asks.
SELECT execledger.add_derived_table('trees', owner_sees =>
    'EXISTS (SELECT FROM execledger.execution_aliases AS root
             WHERE root.tenant_id = trees.tenant_id AND root.external_id = trees.root_execution_id)');
REVOKE SELECT ON execledger.trees FROM execledger_owner;
GRANT SELECT (tenant_id, root_execution_id, revision) ON execledger.trees TO execledger_owner;

CREATE TABLE execledger.tree_marks (
    tenant_id         text NOT NULL,
    root_execution_id text NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.tree_marks TO execledger_recorder;

CREATE INDEX executions_descendants ON execledger.executions (tenant_id, root_execution_id)
    WHERE root_execution_id <> external_id;
