-- What a single record may cost: of what is too large a dead letter keeps a part, and what nobody can pass is passed by
-- hand.

ALTER TABLE execledger.dead_letters
    ADD COLUMN cut jsonb;  -- of each part that is not whole: {"value": {"bytes": ..., "sha256": ...}, ...}; else null

ALTER TABLE execledger.ledger
    ADD COLUMN skipped bigint NOT NULL DEFAULT 0;

-- Records that are counted, and of which neither the log nor the duplicates nor the dead letters have anything.
CREATE TABLE execledger.unlogged_records (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    outcome     text NOT NULL,
    reason      text NOT NULL,
    recorded_at timestamptz,  -- null: the ledger has not come to it yet
    PRIMARY KEY (topic, partition, "offset")
);
CREATE INDEX unlogged_records_ahead ON execledger.unlogged_records (topic, partition, "offset")
    WHERE recorded_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON execledger.unlogged_records TO execledger_recorder;
