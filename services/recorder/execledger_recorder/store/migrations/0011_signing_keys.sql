-- Keys by which our own records are known from what anybody else writes under our name. All of them verify, the newest
-- signs. No role of a reader may see them: who has one can speak as Execledger.

-- Three random UUIDs hold 366 bits of Postgres' own generator for secrets, and need no extension.
CREATE TABLE execledger.signing_keys (
    id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    secret  bytea NOT NULL CHECK (octet_length(secret) >= 32)
        DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO execledger.signing_keys DEFAULT VALUES;
GRANT SELECT, INSERT ON execledger.signing_keys TO execledger_recorder;

ALTER TABLE execledger.dead_letters DROP CONSTRAINT dead_letters_reason_check, ADD CONSTRAINT dead_letters_reason_check
    CHECK (reason IN ('tombstone', 'not_utf8', 'not_json', 'not_cloudevent', 'invalid', 'unsupported_version', 'too_large',
                      'unstorable', 'forbidden'));

-- What an earlier version's watchdog sent, and nobody has recorded yet, is not signed: it is decided, and sent, once more.
DELETE FROM execledger.watchdog_decisions AS decided
USING execledger.executions AS execution
WHERE execution.id = decided.execution_id AND execution.attempt = decided.attempt AND decided.decision <> 'imported'
  AND execledger.is_open(execution.status) AND decided.newest_event_id::text = split_part(execution.fold, '"', 2);
