-- What everybody may do in a database of Postgres is more than the query account needs: temporary tables and large
-- objects fill the disk, and a lock of the recorder's that somebody else takes keeps it from its work. The first is the
-- database's, which a copy of it does not have: see docs/operations.md.

DO $$
DECLARE
    routine regprocedure;
    is_lock boolean;
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO execledger_recorder', current_database());
    FOR routine, is_lock IN
        SELECT oid, proname LIKE 'pg%'
        FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND proname ~ '^(lo_.*|lowrite|loread|pg_(try_)?advisory_(xact_)?lock(_shared)?)$'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine);
        IF is_lock THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO execledger_recorder', routine);
        END IF;
    END LOOP;
END
$$;
