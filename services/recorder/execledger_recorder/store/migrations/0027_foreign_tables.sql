-- What schema `compat` needs of columns: the tables that teams query already, as views (docs/compat.md). Row-level security
-- lets an index serve a view only where nothing narrows the type on the way, so what those tables limited has that type here.

CREATE FUNCTION execledger.key_of(value text, most integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN length(value) <= most THEN value
                ELSE left(value, most - 32) || left(encode(sha256(replace(value, '\', '\\')::bytea), 'hex'), 32) END;
COMMENT ON FUNCTION execledger.key_of IS
    'A key that a column of so many characters holds: a longer one as its first characters and 32 of its SHA-256.';

CREATE FUNCTION execledger.uuid_of(value text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN value::uuid END;
COMMENT ON FUNCTION execledger.uuid_of IS 'What is a uuid, in any case, as that; null for anything else.';

-- Columns that views and policies name change their type only without these: they are made again as they were.
CREATE TEMPORARY TABLE views_before ON COMMIT DROP AS
SELECT DISTINCT view.oid, view.relname, pg_get_viewdef(view.oid) AS definition, view.relacl, view.relowner
FROM pg_depend
JOIN pg_rewrite AS rule ON rule.oid = objid AND classid = 'pg_rewrite'::regclass
JOIN pg_class AS view ON view.oid = rule.ev_class AND view.relkind = 'v'
WHERE refclassid = 'pg_class'::regclass
  AND refobjid IN ('execledger.executions'::regclass, 'execledger.llm_calls'::regclass);
DO $$
DECLARE
    view record;
BEGIN
    FOR view IN SELECT relname FROM views_before LOOP
        EXECUTE format('DROP VIEW execledger.%I', view.relname);
    END LOOP;
END
$$;
DROP POLICY owner ON execledger.executions;

-- Each is at most 255 characters long when it is decoded. One pass over the rows, which writes the columns that are new:
-- `row_id` and `row_uuid` are what an old table calls the execution, the label of that name before all else.
ALTER TABLE execledger.executions
    ALTER COLUMN external_id TYPE varchar(255),
    ALTER COLUMN owner_id TYPE varchar(255),
    ALTER COLUMN session_id TYPE varchar(255),
    ADD COLUMN execution_key varchar(100) NOT NULL GENERATED ALWAYS AS (execledger.key_of(external_id, 100)) STORED,
    ADD COLUMN sd_key varchar(50) GENERATED ALWAYS AS (execledger.key_of(sd_id, 50)) STORED,
    ADD COLUMN row_id text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN labels ? 'row_id' THEN labels ->> 'row_id'
             WHEN execledger.uuid_of(external_id) IS NOT NULL THEN external_id
             ELSE id::text END) STORED,
    ADD COLUMN row_uuid uuid NOT NULL GENERATED ALWAYS AS (
        coalesce(execledger.uuid_of(labels ->> 'row_id'), execledger.uuid_of(external_id), id)) STORED;
ALTER TABLE execledger.llm_calls
    ALTER COLUMN model TYPE varchar(255),
    ADD COLUMN provider_key varchar(50) GENERATED ALWAYS AS (left(provider, 50)) STORED;

CREATE POLICY owner ON execledger.executions FOR SELECT TO execledger_owner USING (
    tenant_id = current_setting('execledger.tenant', true) AND owner_id = current_setting('execledger.owner', true));
DO $$
DECLARE
    view record;
    grantee name;
BEGIN
    FOR view IN SELECT * FROM views_before LOOP
        EXECUTE format('CREATE VIEW execledger.%I WITH (security_invoker) AS %s', view.relname, view.definition);
        FOR grantee IN SELECT role.rolname FROM aclexplode(view.relacl) AS acl JOIN pg_roles AS role ON role.oid = acl.grantee
                       WHERE acl.grantee <> view.relowner LOOP
            EXECUTE format('GRANT SELECT ON execledger.%I TO %I', view.relname, grantee);
        END LOOP;
    END LOOP;
END
$$;

-- Whether anybody said how many tokens it took: without, an old table shows nothing, not zero.
ALTER TABLE execledger.executions ADD COLUMN has_usage boolean NOT NULL DEFAULT false;
UPDATE execledger.executions SET has_usage = true WHERE total_tokens > 0;

-- What events are called there, but for the usual types; and the table whose rows an importer made them from.
ALTER TABLE execledger.execution_events
    ADD COLUMN log_type varchar(100),
    ADD COLUMN imported_from text;
UPDATE execledger.execution_events
SET log_type = left(CASE WHEN type LIKE 'execution.%' THEN 'task.' || substr(type, 11) ELSE type END, 100)
WHERE type NOT IN ('step.started', 'step.completed', 'llm.called', 'tool.called', 'execution.started',
                   'execution.completed', 'execution.progressed');
-- What an imported row of a call had as its id.
ALTER TABLE execledger.llm_calls ADD COLUMN row_uuid uuid;
ALTER TABLE execledger.tool_calls ADD COLUMN row_uuid uuid;

-- An owner's uuid, as it is in its executions. Those whose executions are gone learn it when they are named again.
ALTER TABLE execledger.owners ADD COLUMN uuid uuid;
UPDATE execledger.owners AS owner
SET uuid = (SELECT owner_uuid FROM execledger.executions AS execution
            WHERE execution.tenant_id = owner.tenant_id AND execution.owner_id = owner.id LIMIT 1);
CREATE INDEX owners_uuid ON execledger.owners (uuid);

-- Indexes for what those tables had indexed. What each costs is in docs/performance.md. Tenant, owner, session and time of
-- creation have theirs; those of statuses leave out what has ended well, which is nearly everything.
CREATE INDEX executions_external_id ON execledger.executions (external_id);
CREATE INDEX executions_key ON execledger.executions (execution_key);
CREATE INDEX executions_row_id ON execledger.executions (row_id);
CREATE INDEX executions_row_uuid ON execledger.executions (row_uuid);
CREATE INDEX executions_owner_start ON execledger.executions
    (owner_uuid, (CASE WHEN started_at IS NULL THEN created_at ELSE started_at END)) WHERE owner_uuid IS NOT NULL;
CREATE INDEX executions_workflow_start ON execledger.executions
    (workflow_uuid, (CASE WHEN started_at IS NULL THEN created_at ELSE started_at END)) WHERE workflow_uuid IS NOT NULL;
CREATE INDEX executions_venture ON execledger.executions (venture_uuid, prd_uuid, sd_key) WHERE venture_uuid IS NOT NULL;
CREATE INDEX executions_board_meeting ON execledger.executions (board_meeting_uuid) WHERE board_meeting_uuid IS NOT NULL;
CREATE INDEX executions_message ON execledger.executions (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX executions_graph ON execledger.executions (graph_id) WHERE graph_id IS NOT NULL;
CREATE INDEX executions_flow_status ON execledger.executions ((
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'timeout'::varchar(20) END
)) WHERE (
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'timeout'::varchar(20) END
) <> 'completed';
CREATE INDEX executions_task_status ON execledger.executions ((
    CASE status WHEN 'pending' THEN 'RUNNING'::varchar(50) WHEN 'running' THEN 'RUNNING'::varchar(50)
        WHEN 'completed' THEN 'COMPLETED'::varchar(50) WHEN 'failed' THEN 'FAILED'::varchar(50)
        WHEN 'cancelled' THEN 'CANCELLED'::varchar(50) ELSE 'FAILED'::varchar(50) END
)) WHERE (
    CASE status WHEN 'pending' THEN 'RUNNING'::varchar(50) WHEN 'running' THEN 'RUNNING'::varchar(50)
        WHEN 'completed' THEN 'COMPLETED'::varchar(50) WHEN 'failed' THEN 'FAILED'::varchar(50)
        WHEN 'cancelled' THEN 'CANCELLED'::varchar(50) ELSE 'FAILED'::varchar(50) END
) <> 'COMPLETED';
CREATE INDEX executions_workflow_status ON execledger.executions ((
    CASE status WHEN 'pending' THEN 'pending'::varchar(50) WHEN 'running' THEN 'running'::varchar(50)
        WHEN 'completed' THEN 'completed'::varchar(50) WHEN 'failed' THEN 'failed'::varchar(50)
        WHEN 'cancelled' THEN 'cancelled'::varchar(50) ELSE 'failed'::varchar(50) END
)) WHERE (
    CASE status WHEN 'pending' THEN 'pending'::varchar(50) WHEN 'running' THEN 'running'::varchar(50)
        WHEN 'completed' THEN 'completed'::varchar(50) WHEN 'failed' THEN 'failed'::varchar(50)
        WHEN 'cancelled' THEN 'cancelled'::varchar(50) ELSE 'failed'::varchar(50) END
) <> 'completed';

CREATE INDEX llm_calls_model ON execledger.llm_calls (provider_key, model);
-- Rows lie in the order in which they came, nearly that of time: such an index is a thousandth of another's size, and costs
-- nothing to write.
CREATE INDEX execution_events_time ON execledger.execution_events USING brin (occurred_at) WITH (autosummarize);
CREATE INDEX llm_calls_time ON execledger.llm_calls USING brin (occurred_at) WITH (autosummarize);
CREATE INDEX tool_calls_time ON execledger.tool_calls USING brin (occurred_at) WITH (autosummarize);
-- Of all types but the usual ones: they would fill the index, and none of them is found faster by it.
CREATE INDEX execution_events_type ON execledger.execution_events ((
    CASE type
        WHEN 'step.started' THEN 'step.started'::varchar(100)
        WHEN 'step.completed' THEN 'step.completed'::varchar(100)
        WHEN 'llm.called' THEN 'llm.called'::varchar(100)
        WHEN 'tool.called' THEN 'tool.called'::varchar(100)
        WHEN 'execution.started' THEN 'task.started'::varchar(100)
        WHEN 'execution.completed' THEN 'task.completed'::varchar(100)
        WHEN 'execution.progressed' THEN 'task.progressed'::varchar(100)
        ELSE log_type
    END
)) WHERE (
    CASE type
        WHEN 'step.started' THEN 'step.started'::varchar(100)
        WHEN 'step.completed' THEN 'step.completed'::varchar(100)
        WHEN 'llm.called' THEN 'llm.called'::varchar(100)
        WHEN 'tool.called' THEN 'tool.called'::varchar(100)
        WHEN 'execution.started' THEN 'task.started'::varchar(100)
        WHEN 'execution.completed' THEN 'task.completed'::varchar(100)
        WHEN 'execution.progressed' THEN 'task.progressed'::varchar(100)
        ELSE log_type
    END
) NOT IN ('step.started', 'step.completed', 'llm.called', 'tool.called', 'task.started', 'task.completed', 'task.progressed');
