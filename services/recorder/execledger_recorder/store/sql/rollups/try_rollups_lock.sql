-- One recorder at a time, until its transaction ends: of two that sum the same hour, the one that looked earlier could
-- write later.
SELECT pg_try_advisory_xact_lock(hashtext('execledger.rollups'))
