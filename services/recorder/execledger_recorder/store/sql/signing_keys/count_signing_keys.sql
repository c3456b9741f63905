-- How many keys verify.
SELECT count(*) FROM execledger.signing_keys
