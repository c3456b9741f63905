-- Logins of teams that read schema `compat` by SQL. Whose rows one sees is said here by its name, and the policies ask for
-- `session_user`: what a login sets changes nothing. One group for each kind of reader, so that each has plain policies that
-- an index serves.

CREATE TABLE execledger.sql_access (
    role_name name PRIMARY KEY,
    role      text NOT NULL CHECK (role IN ('owner', 'reader', 'service', 'admin')),
    tenant_id text,
    owner_id  text,
    CHECK ((tenant_id IS NULL) = (role = 'admin')),
    CHECK ((owner_id IS NULL) = (role <> 'owner'))
);

-- What the session's login may see as a reader of that kind; null: nothing.
CREATE FUNCTION execledger.sql_reader(kind text) RETURNS execledger.sql_access
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = execledger, pg_temp
BEGIN ATOMIC
    SELECT access FROM execledger.sql_access AS access
    WHERE role_name = session_user AND kind = CASE role WHEN 'reader' THEN 'tenant' WHEN 'service' THEN 'tenant' ELSE role END;
END;

DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['owner', 'tenant', 'admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'execledger_sql_' || kind) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'execledger_sql_' || kind);
        END IF;
    END LOOP;
END
$$;
GRANT USAGE ON SCHEMA compat TO execledger_sql_owner, execledger_sql_tenant, execledger_sql_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA compat TO execledger_sql_owner, execledger_sql_tenant, execledger_sql_admin;

-- The tables below the views. The schema itself stays shut: nobody reads them but by a view. A subquery is worked out once
-- for each statement.
CREATE FUNCTION execledger.open_to_sql(
    table_name text,
    owner_sees text DEFAULT 'EXISTS (SELECT FROM execledger.executions AS parent WHERE parent.id = execution_id)'
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    of_tenant CONSTANT text := 'tenant_id = (SELECT (execledger.sql_reader(%L)).tenant_id)';
BEGIN
    EXECUTE format('GRANT SELECT ON execledger.%I TO execledger_sql_owner, execledger_sql_tenant, execledger_sql_admin',
                   table_name);
    EXECUTE format('CREATE POLICY sql_admin ON execledger.%I FOR SELECT TO execledger_sql_admin'
                   ' USING ((SELECT (execledger.sql_reader(''admin'')).role_name) IS NOT NULL)', table_name);
    EXECUTE format('CREATE POLICY sql_tenant ON execledger.%I FOR SELECT TO execledger_sql_tenant USING (%s)',
                   table_name, format(of_tenant, 'tenant'));
    EXECUTE format('CREATE POLICY sql_owner ON execledger.%I FOR SELECT TO execledger_sql_owner USING (%s AND %s)',
                   table_name, format(of_tenant, 'owner'), owner_sees);
END
$$;
REVOKE ALL ON FUNCTION execledger.open_to_sql FROM PUBLIC;

SELECT execledger.open_to_sql('executions', 'owner_id = (SELECT (execledger.sql_reader(''owner'')).owner_id)');
SELECT execledger.open_to_sql('owners', 'id = (SELECT (execledger.sql_reader(''owner'')).owner_id)');
SELECT execledger.open_to_sql('usage_daily', 'owner_id = (SELECT (execledger.sql_reader(''owner'')).owner_id)');
SELECT execledger.open_to_sql(name)
FROM unnest(ARRAY['execution_events', 'steps', 'llm_calls', 'tool_calls']) AS name;

-- Lets a login read schema `compat` as that reader, and makes the login where there is none: without a password, so that
-- nobody can use it yet. Returns why it may not, else null.
CREATE FUNCTION execledger.grant_sql_access(login name, reader text, tenant text, owner text) RETURNS text
LANGUAGE plpgsql SET search_path = execledger, pg_temp AS $$
DECLARE
    kind CONSTANT text := CASE reader WHEN 'reader' THEN 'tenant' WHEN 'service' THEN 'tenant' ELSE reader END;
    tables CONSTANT oid := (SELECT relowner FROM pg_class WHERE oid = 'execledger.executions'::regclass);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', login);
    ELSIF (SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, tables, 'MEMBER') FROM pg_roles WHERE rolname = login) THEN
        RETURN 'it passes by row-level security';
    ELSIF EXISTS (SELECT FROM pg_roles AS other WHERE rolname LIKE 'execledger\_%' AND rolname NOT LIKE 'execledger\_sql\_%'
                                                AND pg_has_role(login, oid, 'MEMBER')) THEN
        RETURN 'it is, or may become, a role of the services';
    ELSIF starts_with(login, 'execledger_sql_') THEN
        RETURN 'it is a group';
    END IF;
    PERFORM leave_sql_groups(login);
    EXECUTE format('GRANT %I TO %I WITH INHERIT TRUE, SET FALSE', 'execledger_sql_' || kind, login);
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = compat', login, current_database());
    INSERT INTO sql_access (role_name, role, tenant_id, owner_id) VALUES (login, reader, tenant, owner)
    ON CONFLICT (role_name) DO UPDATE
    SET role = excluded.role, tenant_id = excluded.tenant_id, owner_id = excluded.owner_id;
    RETURN NULL;
END
$$;

-- Takes that away again; the login stays. Returns whether it had any.
CREATE FUNCTION execledger.revoke_sql_access(login name) RETURNS boolean
LANGUAGE plpgsql SET search_path = execledger, pg_temp AS $$
BEGIN
    DELETE FROM sql_access WHERE role_name = login;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
        PERFORM leave_sql_groups(login);
        EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET search_path', login, current_database());
    END IF;
    RETURN true;
END
$$;

-- Groups are the server's: in another database of it a login is who it is there, by the table there.
CREATE FUNCTION execledger.leave_sql_groups(login name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    joined name;
BEGIN
    FOR joined IN SELECT roleid::regrole::name FROM pg_auth_members
                  WHERE member = (SELECT oid FROM pg_roles WHERE rolname = login)
                    AND roleid::regrole::text LIKE 'execledger\_sql\_%' LOOP
        EXECUTE format('REVOKE %I FROM %I', joined, login);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION execledger.grant_sql_access, execledger.revoke_sql_access, execledger.leave_sql_groups FROM PUBLIC;
GRANT SELECT ON execledger.sql_access TO execledger_recorder;
