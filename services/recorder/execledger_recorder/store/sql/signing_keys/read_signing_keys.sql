-- Those of these keys that there are.
SELECT id, secret FROM execledger.signing_keys WHERE id = ANY ($1::uuid[])
