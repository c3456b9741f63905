-- Who may do what. Roles belong to the cluster, so another database may have made them already.
-- execledger_recorder writes. execledger_query owns nothing, inherits nothing, and becomes one of three per transaction:
-- owner, tenant, admin. Nobody is granted a partition: such a grant would pass by the policies of its parent.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['recorder', 'query', 'owner', 'tenant', 'admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'execledger_' || role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', 'execledger_' || role_name);
        END IF;
    END LOOP;
END
$$;
-- Each logs in once an administrator gives it a password; until then nobody can.
ALTER ROLE execledger_query LOGIN;
-- COPY into a table with policies is refused, even to a role whose policy lets it write every row.
ALTER ROLE execledger_recorder LOGIN BYPASSRLS;
GRANT execledger_owner, execledger_tenant, execledger_admin TO execledger_query WITH INHERIT FALSE, SET TRUE;

GRANT USAGE ON SCHEMA execledger
    TO execledger_recorder, execledger_query, execledger_owner, execledger_tenant, execledger_admin;
GRANT SELECT ON execledger.migrations
    TO execledger_recorder, execledger_query, execledger_owner, execledger_tenant, execledger_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    execledger.execution_aliases, execledger.executions, execledger.execution_events, execledger.steps,
    execledger.llm_calls, execledger.tool_calls, execledger.execution_labels, execledger.workflows, execledger.owners,
    execledger.usage_daily, execledger.usage_marks, execledger.duplicates, execledger.dead_letters, execledger.ledger,
    execledger.ledger_ends, execledger.outbox
    TO execledger_recorder;
GRANT EXECUTE ON FUNCTION execledger.ensure_partition TO execledger_recorder;

GRANT SELECT ON
    execledger.execution_aliases, execledger.executions, execledger.execution_events, execledger.steps,
    execledger.llm_calls, execledger.tool_calls, execledger.execution_labels, execledger.workflows, execledger.owners,
    execledger.usage_daily, execledger.ledger, execledger.ledger_ends
    TO execledger_owner, execledger_tenant, execledger_admin;
GRANT SELECT ON execledger.dead_letters, execledger.duplicates TO execledger_admin;

-- Policies are plain equalities on settings that the query service makes from the request's token.
DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['execution_aliases', 'executions', 'execution_events', 'steps', 'llm_calls',
                                      'tool_calls', 'execution_labels', 'workflows', 'owners', 'usage_daily'] LOOP
        EXECUTE format('ALTER TABLE execledger.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY admin ON execledger.%I FOR SELECT TO execledger_admin USING (true)', table_name);
        EXECUTE format('CREATE POLICY tenant ON execledger.%I FOR SELECT TO execledger_tenant '
                       'USING (tenant_id = current_setting(''execledger.tenant'', true))', table_name);
    END LOOP;
    FOREACH table_name IN ARRAY ARRAY['execution_events', 'steps', 'llm_calls', 'tool_calls', 'execution_labels'] LOOP
        EXECUTE format('CREATE POLICY owner ON execledger.%I FOR SELECT TO execledger_owner '
                       'USING (tenant_id = current_setting(''execledger.tenant'', true) AND EXISTS '
                       '(SELECT FROM execledger.executions AS parent WHERE parent.id = execution_id))', table_name);
    END LOOP;
END
$$;
CREATE POLICY owner ON execledger.executions FOR SELECT TO execledger_owner
    USING (tenant_id = current_setting('execledger.tenant', true)
           AND owner_id = current_setting('execledger.owner', true));
CREATE POLICY owner ON execledger.execution_aliases FOR SELECT TO execledger_owner
    USING (tenant_id = current_setting('execledger.tenant', true)
           AND EXISTS (SELECT FROM execledger.executions AS parent WHERE parent.id = execution_aliases.id));
CREATE POLICY owner ON execledger.workflows FOR SELECT TO execledger_owner
    USING (tenant_id = current_setting('execledger.tenant', true));
CREATE POLICY owner ON execledger.owners FOR SELECT TO execledger_owner
    USING (tenant_id = current_setting('execledger.tenant', true) AND id = current_setting('execledger.owner', true));
CREATE POLICY owner ON execledger.usage_daily FOR SELECT TO execledger_owner
    USING (tenant_id = current_setting('execledger.tenant', true)
           AND owner_id = current_setting('execledger.owner', true));
