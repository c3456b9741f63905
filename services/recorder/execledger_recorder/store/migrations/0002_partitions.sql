-- Partitions, made ahead and on demand. ATTACH locks the parent less than CREATE TABLE ... PARTITION OF.

CREATE FUNCTION execledger.uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
COMMENT ON FUNCTION execledger.uuid_floor IS 'The least UUIDv7 of a millisecond (RFC 9562, 5.7).';

CREATE FUNCTION execledger.make_partition(suffix text, lower_bound timestamptz, upper_bound timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = execledger, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['executions', 'execution_events', 'steps', 'llm_calls', 'tool_calls'] LOOP
        CONTINUE WHEN to_regclass(format('execledger.%I', parent || '_' || suffix)) IS NOT NULL;
        EXECUTE format('CREATE TABLE execledger.%I (LIKE execledger.%I INCLUDING ALL)', parent || '_' || suffix, parent);
        -- Rows of these two are written several times while they run: room on the page keeps such updates off the indexes.
        IF parent IN ('executions', 'steps') THEN
            EXECUTE format('ALTER TABLE execledger.%I SET (fillfactor = 70)', parent || '_' || suffix);
        END IF;
        EXECUTE format('ALTER TABLE execledger.%I ATTACH PARTITION execledger.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, parent || '_' || suffix, uuid_floor(lower_bound), uuid_floor(upper_bound));
    END LOOP;
END
$$;

-- The partition for ids of this time: a month, or a whole year when that year lies more than two years back and is
-- not split into months already. Returns whether it had to be made.
CREATE FUNCTION execledger.ensure_partition(at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = execledger, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    month timestamptz := date_trunc('month', at);
    year timestamptz := date_trunc('year', at);
    month_suffix text := to_char(at, '"m"YYYY_MM');
    year_suffix text := to_char(at, '"y"YYYY');
    split_by_month boolean;
BEGIN
    IF to_regclass('execledger.tool_calls_' || month_suffix) IS NOT NULL
       OR to_regclass('execledger.tool_calls_' || year_suffix) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('execledger.partitions'));
    split_by_month := year + interval '1 year' > now() - interval '2 years'
        OR EXISTS (SELECT FROM generate_series(1, 12) AS n
                   WHERE to_regclass('execledger.executions_m' || to_char(at, 'YYYY') || '_' || lpad(n::text, 2, '0'))
                         IS NOT NULL);
    IF split_by_month THEN
        PERFORM make_partition(month_suffix, month, month + interval '1 month');
    ELSE
        PERFORM make_partition(year_suffix, year, year + interval '1 year');
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION execledger.ensure_partition, execledger.make_partition FROM PUBLIC;
