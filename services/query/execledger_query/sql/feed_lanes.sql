-- From where to where each lane of the feed reaches.
SELECT lane, kept_from, next_position FROM execledger.feed_lanes ORDER BY lane
