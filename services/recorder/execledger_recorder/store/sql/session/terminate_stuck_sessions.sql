-- Sessions of recorders that have stood still in the midst of a statement for so many milliseconds, ended. While
-- Postgres waits for the rest of a message, of a COPY say, none of its own time limits takes effect (decision 0018).
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = $2 AND state = 'active'
  AND wait_event IN ('ClientRead', 'ClientWrite') AND state_change < clock_timestamp() - $1 * interval '1 millisecond'
