-- Indexes for the lists of executions, newest first by id: ids are made of time and never change, so that pages neither
-- repeat nor skip a row, and their indexes are smaller. What each costs is in docs/performance.md.

CREATE FUNCTION execledger.uuid_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN to_timestamp(('x0000' || replace(left(id::text, 13), '-', ''))::bit(64)::bigint / 1000.0);
COMMENT ON FUNCTION execledger.uuid_time IS 'The time in a UUIDv7 (RFC 9562, 5.7).';

DROP INDEX execledger.executions_newest, execledger.executions_status_newest, execledger.executions_workflow_newest,
    execledger.executions_owner_newest, execledger.executions_descendants;
CREATE INDEX executions_tenant ON execledger.executions (tenant_id, id);
CREATE INDEX executions_status ON execledger.executions (tenant_id, status, id);
CREATE INDEX executions_workflow ON execledger.executions (tenant_id, workflow_id, id);
CREATE INDEX executions_owner ON execledger.executions (tenant_id, owner_id, id);
CREATE INDEX executions_descendants ON execledger.executions (tenant_id, root_execution_id, id)
    WHERE root_execution_id <> external_id;
CREATE INDEX executions_session ON execledger.executions (tenant_id, session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX executions_error_type ON execledger.executions (tenant_id, error_type, id) WHERE error_type IS NOT NULL;
CREATE INDEX executions_paused ON execledger.executions (tenant_id, id) WHERE paused_at IS NOT NULL;
CREATE INDEX executions_killed_by_budget ON execledger.executions (tenant_id, id) WHERE killed_by_budget;
CREATE INDEX executions_started ON execledger.executions (tenant_id, started_at, id) WHERE started_at IS NOT NULL;
-- Those that started before they were first heard of: few, unless events come in no order.
CREATE INDEX executions_started_earlier ON execledger.executions (tenant_id, id)
    WHERE started_at < execledger.uuid_time(id);
CREATE INDEX executions_duration ON execledger.executions (tenant_id, duration_ms, id) WHERE duration_ms IS NOT NULL;
-- Costs rise with every call. An index of them would be written with each, and take all others along: a row of which an
-- indexed column changes has new entries in every index.
ALTER TABLE execledger.executions ADD COLUMN ended_cost_nanos bigint
    GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN cost_nanos END) STORED;
CREATE INDEX executions_cost ON execledger.executions (tenant_id, ended_cost_nanos, id)
    WHERE ended_cost_nanos IS NOT NULL;

-- Words of an execution, as far as the first 4,096 characters of its query and of its error.
CREATE FUNCTION execledger.words_of(
    query text, error_message text, error_type text, workflow_name text, owner_name text
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN to_tsvector(
    'simple'::regconfig,
    coalesce(left(query, 4096), '') || ' ' || coalesce(left(error_message, 4096), '') || ' ' || coalesce(error_type, '')
        || ' ' || coalesce(workflow_name, '') || ' ' || coalesce(owner_name, '')
);
-- Of ended ones alone: others are few, and would be written anew with every change.
CREATE INDEX executions_words ON execledger.executions
    USING gin (execledger.words_of(query, error_message, error_type, workflow_name, owner_name))
    WHERE ended_at IS NOT NULL;

-- Executions that hold all of these words and that the reader may see, as many as `most`, in no order: so a word that many
-- have is found to be one without all of them being read. Row security keeps operators of text search from every index;
-- this function sees to it instead, by the role and the settings that the policies go by.
CREATE FUNCTION execledger.found_words(words text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = execledger, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    wanted CONSTANT tsquery := plainto_tsquery('simple', words);
    seen CONSTANT text := CASE current_setting('role')
        WHEN 'execledger_admin' THEN 'true'
        WHEN 'execledger_tenant' THEN 'tenant_id = $3'
        WHEN 'execledger_owner' THEN 'tenant_id = $3 AND owner_id = $4'
        ELSE 'false' END;
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT id FROM executions WHERE ended_at IS NOT NULL AND %1$s AND %2$s'
        ' UNION ALL'
        ' SELECT id FROM executions WHERE is_open(status) AND %1$s AND %2$s'
        ' LIMIT $2',
        seen, 'words_of(query, error_message, error_type, workflow_name, owner_name) @@ $1')
    USING wanted, most, current_setting('execledger.tenant', true), current_setting('execledger.owner', true);
END
$$;
REVOKE ALL ON FUNCTION execledger.found_words FROM PUBLIC;
GRANT EXECUTE ON FUNCTION execledger.found_words TO execledger_owner, execledger_tenant, execledger_admin;

-- The key that cursors are signed with, the same for every process and after a restart. Nobody reads it but through the
-- query account, which may not hand it on.
CREATE TABLE execledger.cursor_keys (
    id      integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    secret  bytea NOT NULL CHECK (octet_length(secret) >= 32)
        DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
);
INSERT INTO execledger.cursor_keys DEFAULT VALUES;
GRANT SELECT ON execledger.cursor_keys TO execledger_query;
