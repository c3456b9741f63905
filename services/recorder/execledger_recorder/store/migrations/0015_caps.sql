-- What an execution does not hold all of: names as they are shown, null for nothing. The caps that held are in its fold.
ALTER TABLE execledger.executions ADD COLUMN capped jsonb;
COMMENT ON COLUMN execledger.execution_events.digest IS
    'SHA-256 of type, time, attempt, sequence and data; of raw where an earlier version wrote it';
