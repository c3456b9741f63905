-- The key that signs.
SELECT id, secret FROM execledger.signing_keys ORDER BY made_at DESC, id LIMIT 1
