-- All of a roll-up once, in the coarsest spans whose sums are right: months, but for those of which days are to be summed
-- anew, and of these days but for those of which hours were. A function makes the view of each.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['executions', 'steps'] LOOP
        EXECUTE format($view$
            CREATE VIEW execledger.settled_%1$s WITH (security_invoker) AS
            WITH days AS (
                SELECT DISTINCT tenant_id, start_at FROM execledger.rollup_marks WHERE span = 'day'
            ), months AS (
                SELECT tenant_id, start_at FROM execledger.rollup_marks WHERE span = 'month'
                UNION
                SELECT tenant_id, date_trunc('month', start_at, 'UTC') FROM days
            )
            SELECT rolled.* FROM execledger.rolled_%1$s AS rolled
            WHERE span = 'month' AND (tenant_id, start_at) NOT IN (SELECT tenant_id, start_at FROM months)
            UNION ALL
            SELECT rolled.* FROM months
            JOIN execledger.rolled_%1$s AS rolled
              ON rolled.tenant_id = months.tenant_id AND rolled.span = 'day' AND rolled.start_at >= months.start_at
             AND rolled.start_at < date_add(months.start_at, interval '1 month', 'UTC')
            WHERE (rolled.tenant_id, rolled.start_at) NOT IN (SELECT tenant_id, start_at FROM days)
            UNION ALL
            SELECT rolled.* FROM days
            JOIN execledger.rolled_%1$s AS rolled
              ON rolled.tenant_id = days.tenant_id AND rolled.span = 'hour' AND rolled.start_at >= days.start_at
             AND rolled.start_at < days.start_at + interval '24 hours'
        $view$, name);
        EXECUTE format('GRANT SELECT ON execledger.settled_%1$s TO execledger_tenant, execledger_admin', name);
    END LOOP;
END
$$;
