-- Older states of long folds: an event that comes late has only what lies behind one of them folded again.

CREATE TABLE execledger.checkpoints (
    execution_id uuid NOT NULL,
    version      bigint NOT NULL,  -- how many events it holds, the first ones in order
    head         text NOT NULL,    -- the last of them, by its place in the order
    state        text NOT NULL,    -- the fold of the execution, and those of its open steps; see lifecycle
    PRIMARY KEY (execution_id, version)
) PARTITION BY RANGE (execution_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.checkpoints TO execledger_recorder;
SELECT execledger.make_missing_partitions();
