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
GRANT EXECUTE ON FUNCTION execledger.ensure_partition TO execledger_recorder;

-- A table that is derived from the log, or written beside it: the recorder writes it, readers read what their token
-- says, and it has its partitions if it is split. Policies are plain equalities on settings that the query service makes
-- from the request's token. An owner's policy is its tenant's and `owner_sees`; null: all that the tenant's says.
CREATE FUNCTION execledger.add_derived_table(
    table_name text,
    owner_sees text DEFAULT 'EXISTS (SELECT FROM execledger.executions AS parent WHERE parent.id = execution_id)',
    fillfactor integer DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    own_tenant CONSTANT text := 'tenant_id = current_setting(''execledger.tenant'', true)';
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.%I TO execledger_recorder', table_name);
    EXECUTE format('GRANT SELECT ON execledger.%I TO execledger_owner, execledger_tenant, execledger_admin', table_name);
    EXECUTE format('ALTER TABLE execledger.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY admin ON execledger.%I FOR SELECT TO execledger_admin USING (true)', table_name);
    EXECUTE format('CREATE POLICY tenant ON execledger.%I FOR SELECT TO execledger_tenant USING (%s)',
                   table_name, own_tenant);
    EXECUTE format('CREATE POLICY owner ON execledger.%I FOR SELECT TO execledger_owner USING (%s)',
                   table_name, concat_ws(' AND ', own_tenant, owner_sees));
    IF fillfactor IS NOT NULL THEN
        INSERT INTO execledger.fill_factors VALUES (table_name, fillfactor);
    END IF;
    PERFORM execledger.make_missing_partitions();
END
$$;
REVOKE ALL ON FUNCTION execledger.add_derived_table FROM PUBLIC;

-- Rows of these two are written several times while they run: room on the page keeps such updates off the indexes.
SELECT execledger.add_derived_table('executions', fillfactor => 70,
                                    owner_sees => 'owner_id = current_setting(''execledger.owner'', true)');
SELECT execledger.add_derived_table('steps', fillfactor => 70);
SELECT execledger.add_derived_table('execution_events');
SELECT execledger.add_derived_table('llm_calls');
SELECT execledger.add_derived_table('tool_calls');
SELECT execledger.add_derived_table('execution_labels');
SELECT execledger.add_derived_table('execution_aliases', owner_sees =>
    'EXISTS (SELECT FROM execledger.executions AS parent WHERE parent.id = execution_aliases.id)');
SELECT execledger.add_derived_table('workflows', owner_sees => NULL);
SELECT execledger.add_derived_table('owners', owner_sees => 'id = current_setting(''execledger.owner'', true)');
SELECT execledger.add_derived_table('usage_daily',
                                    owner_sees => 'owner_id = current_setting(''execledger.owner'', true)');

-- What no tenant owns.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    execledger.usage_marks, execledger.duplicates, execledger.dead_letters, execledger.ledger, execledger.ledger_ends,
    execledger.outbox
    TO execledger_recorder;
GRANT SELECT ON execledger.ledger, execledger.ledger_ends TO execledger_owner, execledger_tenant, execledger_admin;
GRANT SELECT ON execledger.dead_letters, execledger.duplicates TO execledger_admin;
