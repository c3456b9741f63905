-- So many positions of a lane, which nobody else takes until the transaction ends; the first of them.
UPDATE execledger.feed_lanes SET next_position = next_position + $2::bigint
WHERE name = $1
RETURNING lane, next_position - $2::bigint AS first
