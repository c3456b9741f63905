-- One recorder at a time sums trees, until its transaction ends: of two that sum the same one, the one that looked earlier
-- could write later.
SELECT pg_try_advisory_xact_lock(hashtext('execledger.trees'))
