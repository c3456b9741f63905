-- All that is open in these trees was told, or not.
UPDATE execledger.trees AS tree SET is_told = $3
FROM unnest($1::text[], $2::text[]) AS named (tenant_id, root_execution_id)
WHERE (tree.tenant_id, tree.root_execution_id) = (named.tenant_id, named.root_execution_id) AND tree.is_told <> $3
