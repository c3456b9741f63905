-- Trees of which somebody is still to be told, for there was no room in the outbox.
SELECT tenant_id, root_execution_id FROM execledger.trees WHERE NOT is_told
