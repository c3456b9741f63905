-- The key that cursors are signed with.
SELECT secret
FROM execledger.cursor_keys
