-- Partitions, made ahead and on demand. ATTACH locks the parent less than CREATE TABLE ... PARTITION OF.
-- No table is named here: each table of the schema that is split by ranges of a uuid gets them, whenever it was added.

CREATE FUNCTION execledger.uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
COMMENT ON FUNCTION execledger.uuid_floor IS 'The least UUIDv7 of a millisecond (RFC 9562, 5.7).';

-- How full the pages of a partitioned table's partitions become; Postgres keeps no such property of the parent.
CREATE TABLE execledger.fill_factors (
    parent  text PRIMARY KEY,
    percent integer NOT NULL CHECK (percent BETWEEN 10 AND 100)
);

-- The tables that are split by ranges of a uuid and have no partition with any of these suffixes.
CREATE FUNCTION execledger.parents_without(suffixes text[]) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT parent.relname::text
    FROM pg_catalog.pg_partitioned_table
    JOIN pg_catalog.pg_class AS parent ON parent.oid = partrelid
    JOIN pg_catalog.pg_attribute AS key ON key.attrelid = partrelid AND key.attnum = partattrs[0]
    WHERE parent.relnamespace = 'execledger'::regnamespace AND partstrat = 'r' AND key.atttypid = 'uuid'::regtype
      AND NOT EXISTS (
          SELECT FROM unnest(suffixes) AS suffix
          JOIN pg_catalog.pg_class AS part
            ON part.relnamespace = parent.relnamespace AND part.relname = (parent.relname || '_' || suffix)::name
          JOIN pg_catalog.pg_inherits ON inhrelid = part.oid AND inhparent = parent.oid
      )
    ORDER BY parent.relname
$$;

CREATE FUNCTION execledger.make_partition(parent text, suffix text, lower_bound timestamptz, upper_bound timestamptz)
RETURNS void
LANGUAGE plpgsql SET search_path = execledger, pg_temp AS $$
DECLARE
    part text := parent || '_' || suffix;
    percent integer := (SELECT fill.percent FROM fill_factors AS fill WHERE fill.parent = make_partition.parent);
BEGIN
    EXECUTE format('CREATE TABLE execledger.%I (LIKE execledger.%I INCLUDING ALL)', part, parent);
    IF percent IS NOT NULL THEN
        EXECUTE format('ALTER TABLE execledger.%I SET (fillfactor = %s)', part, percent);
    END IF;
    EXECUTE format('ALTER TABLE execledger.%I ATTACH PARTITION execledger.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, part, uuid_floor(lower_bound), uuid_floor(upper_bound));
END
$$;

-- The partitions for ids of this time, of each table that lacks its own: a month, or a whole year when that year lies
-- more than two years back and no table has it split into months. Returns whether one had to be made.
CREATE FUNCTION execledger.ensure_partition(at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = execledger, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    month timestamptz := date_trunc('month', at);
    year timestamptz := date_trunc('year', at);
    month_suffix text := to_char(at, '"m"YYYY_MM');
    year_suffix text := to_char(at, '"y"YYYY');
    parent text;
    split_by_month boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM parents_without(ARRAY[month_suffix, year_suffix])) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('execledger.partitions'));
    split_by_month := year + interval '1 year' > now() - interval '2 years'
        OR EXISTS (SELECT FROM pg_class WHERE relnamespace = 'execledger'::regnamespace AND relispartition
                                          AND relname ~ ('_m' || to_char(at, 'YYYY') || '_\d\d$'));
    FOR parent IN SELECT parents_without(ARRAY[month_suffix, year_suffix]) LOOP  -- look again: others may have been faster
        IF split_by_month THEN
            PERFORM make_partition(parent, month_suffix, month, month + interval '1 month');
        ELSE
            PERFORM make_partition(parent, year_suffix, year, year + interval '1 year');
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- A table that is added late gets partitions for all months and years that others have. Until its transaction ends
-- nobody makes another one, which would be missing here.
CREATE FUNCTION execledger.make_missing_partitions() RETURNS void
LANGUAGE plpgsql SET search_path = execledger, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('execledger.partitions'));
    PERFORM ensure_partition(to_timestamp(period, 'YYYY_MM'))
    FROM (SELECT DISTINCT substring(relname FROM '_[my](\d{4}(?:_\d\d)?)$') AS period
          FROM pg_class WHERE relnamespace = 'execledger'::regnamespace AND relispartition AND relkind = 'r') AS known
    WHERE period IS NOT NULL
    ORDER BY period;
END
$$;
REVOKE ALL ON FUNCTION execledger.ensure_partition, execledger.make_partition, execledger.make_missing_partitions,
    execledger.parents_without FROM PUBLIC;
