-- Changes of a lane before a position.
DELETE FROM execledger.changes WHERE lane = $1 AND position < $2
