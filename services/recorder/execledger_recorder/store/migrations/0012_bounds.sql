-- What a single record may cost: of what is too large a dead letter keeps a part, and what nobody can pass is passed by
-- hand.

ALTER TABLE execledger.dead_letters
    ADD COLUMN cut jsonb;  -- of each part that is not whole: {"value": {"bytes": ..., "sha256": ...}, ...}; else null
