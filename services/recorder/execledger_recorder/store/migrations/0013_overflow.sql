-- Partitions are made on demand only for times that are plausible, and never many at once: what lies elsewhere goes to
-- one range that is always there, below the ids of all times that an event may have.

DROP FUNCTION execledger.ensure_partition(timestamptz);

-- The partitions for ids of this time, of each table that lacks its own: a month, or a whole year when that year lies
-- further back than months are made for and no table has it split; and those of the range that is always there. Returns
-- whether one had to be made.
CREATE FUNCTION execledger.ensure_partition(at timestamptz, monthly interval DEFAULT '2 years') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = execledger, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    month timestamptz := date_trunc('month', at);
    year timestamptz := date_trunc('year', at);
    month_suffix text := to_char(at, '"m"YYYY_MM');
    year_suffix text := to_char(at, '"y"YYYY');
    parent text;
    split_by_month boolean;
BEGIN
    IF is_partitioned(at) AND NOT EXISTS (SELECT FROM parents_without(ARRAY['overflow'])) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('execledger.partitions'));
    FOR parent IN SELECT parents_without(ARRAY['overflow']) LOOP
        PERFORM make_partition(parent, 'overflow', '1970-01-01', '2000-01-01');
    END LOOP;
    split_by_month := year + interval '1 year' > now() - monthly
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

-- Whether every table has a partition for ids of this time.
CREATE FUNCTION execledger.is_partitioned(at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = execledger, pg_temp SET timezone = 'UTC' AS $$
    SELECT NOT EXISTS (SELECT FROM parents_without(ARRAY[to_char(at, '"m"YYYY_MM'), to_char(at, '"y"YYYY')]))
$$;

REVOKE ALL ON FUNCTION execledger.ensure_partition, execledger.is_partitioned FROM PUBLIC;
GRANT EXECUTE ON FUNCTION execledger.ensure_partition, execledger.is_partitioned TO execledger_recorder;

SELECT execledger.ensure_partition(now());
