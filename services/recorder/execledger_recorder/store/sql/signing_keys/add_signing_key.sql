-- A new key, which signs from now on.
INSERT INTO execledger.signing_keys DEFAULT VALUES RETURNING id
