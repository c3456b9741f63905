-- One recorder at a time drops what is old, until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtext('execledger.feed'))
