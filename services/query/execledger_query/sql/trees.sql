-- What trees come to, of the executions that are their roots.
SELECT tree.tenant_id, tree.root_execution_id, tree.revision, tree.executions, tree.open, tree.failed, tree.total_tokens,
       tree.cost_usd
FROM unnest($1::text[], $2::text[]) AS root (tenant_id, external_id)
JOIN execledger.trees AS tree ON tree.tenant_id = root.tenant_id AND tree.root_execution_id = root.external_id
