-- Until when nobody sums roll-ups: a pass is followed by a rest of many times its length, whichever recorder made it.
CREATE TABLE execledger.rollup_rest (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    until_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO execledger.rollup_rest DEFAULT VALUES;
GRANT SELECT, UPDATE ON execledger.rollup_rest TO execledger_recorder;
