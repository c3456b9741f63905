-- How long the oldest execution has been running, and how many wait in a pause: of those that are open alone, by their index.
SELECT extract(epoch FROM now() - min(execledger.start_of(started_at, created_at)) FILTER (WHERE status = 'running'))::float8
           AS oldest_seconds,
       count(paused_at)::float8 AS paused
FROM execledger.executions
WHERE execledger.is_open(status)
