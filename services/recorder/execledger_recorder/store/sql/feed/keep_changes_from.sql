-- Says so, for readers who come from before.
UPDATE execledger.feed_lanes SET kept_from = $2 WHERE lane = $1 AND kept_from < $2
