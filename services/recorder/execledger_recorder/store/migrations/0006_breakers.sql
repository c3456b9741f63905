-- Partitions that were stopped because nearly all of their records were bad, and the last record read of each.

CREATE TABLE execledger.circuit_breakers (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    at_offset   bigint NOT NULL,   -- the first record that is held back
    seen        integer NOT NULL,
    bad         integer NOT NULL,  -- of those seen
    drain_until bigint,            -- null while it is open; records below are recorded or dead-lettered, however many are bad
    PRIMARY KEY (topic, partition)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.circuit_breakers TO execledger_recorder;

-- By which a topic that was made anew under its old name is known.
ALTER TABLE execledger.ledger
    ADD COLUMN last_offset bigint,
    ADD COLUMN last_digest bytea;
