-- An hour that holds more than one statement should read is summed slice by slice. Slices are rows of a span of their own,
-- of the start of that hour; when all are there the hour is their sum, as a day is of its hours.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rolled_executions', 'rolled_steps', 'rolled_llm_calls', 'rolled_tool_calls'] LOOP
        EXECUTE format('ALTER TABLE execledger.%I DROP CONSTRAINT %I', name, name || '_span_check');
        EXECUTE format('ALTER TABLE execledger.%I ADD CONSTRAINT %I CHECK (span IN (''slice'', ''hour'', ''day'', ''month''))',
                       name, name || '_span_check');
    END LOOP;
END
$$;

-- The hours that are being summed so, and the place behind which the next slice begins: a start and the id of an execution.
CREATE TABLE execledger.sliced_hours (
    tenant_id text NOT NULL,
    hour_at   timestamptz NOT NULL,
    start_at  timestamptz NOT NULL,
    id        uuid NOT NULL,
    PRIMARY KEY (tenant_id, hour_at)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.sliced_hours TO execledger_recorder;
