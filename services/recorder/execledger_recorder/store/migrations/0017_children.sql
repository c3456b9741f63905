-- The children of an execution, which its timeline shows and lists are narrowed to, without a look at all of its tenant's.
-- Only an execution that names a parent is in the index, and writes to it.

CREATE INDEX executions_children ON execledger.executions (tenant_id, parent_execution_id, created_at, id)
    WHERE parent_execution_id IS NOT NULL;
