-- Commands for many executions of one tree go into the outbox by pages: what is left of one waits for room there.

-- Whether all that is open in the tree was told of its budget, as of its last sum.
ALTER TABLE execledger.trees ADD COLUMN is_told boolean NOT NULL DEFAULT true;
CREATE INDEX trees_untold ON execledger.trees (tenant_id, root_execution_id) WHERE NOT is_told;

-- Of a request to cancel: up to which execution it was passed on, and when.
ALTER TABLE execledger.cancel_requests ADD COLUMN passed_to uuid, ADD COLUMN passed_at timestamptz;
