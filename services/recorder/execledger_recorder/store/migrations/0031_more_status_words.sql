-- Statuses of `workflow_execution_log` and `executions` in schema `compat`, each in the words of its view: of all but what has
-- ended well, as those of the other tables (0027).
CREATE INDEX executions_log_status ON execledger.executions ((
    CASE status WHEN 'pending' THEN 'RUNNING' WHEN 'running' THEN 'RUNNING' WHEN 'completed' THEN 'COMPLETED'
        WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'CANCELED' ELSE 'TIMED_OUT' END
)) WHERE (
    CASE status WHEN 'pending' THEN 'RUNNING' WHEN 'running' THEN 'RUNNING' WHEN 'completed' THEN 'COMPLETED'
        WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'CANCELED' ELSE 'TIMED_OUT' END
) <> 'COMPLETED';
CREATE INDEX executions_crew_status ON execledger.executions ((
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'failed'::varchar(20) END
)) WHERE (
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'failed'::varchar(20) END
) <> 'completed';
