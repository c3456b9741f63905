-- A record of a topic with an adapter may bring several events: each says its number among them, from 0. The first one
-- gives the record its outcome.

ALTER TABLE execledger.execution_events
    ADD COLUMN event_index integer NOT NULL DEFAULT 0;

ALTER TABLE execledger.duplicates
    ADD COLUMN event_index integer NOT NULL DEFAULT 0;
ALTER TABLE execledger.duplicates
    DROP CONSTRAINT duplicates_pkey,
    ADD PRIMARY KEY (topic, partition, "offset", event_index);

ALTER TABLE execledger.dead_letters
    ADD COLUMN event_index integer NOT NULL DEFAULT 0;
