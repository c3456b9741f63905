-- A lane that nobody has written to so far.
INSERT INTO execledger.feed_lanes (name) VALUES ($1) ON CONFLICT DO NOTHING
