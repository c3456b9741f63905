-- One recorder at a time looks after the daily limits, until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtext('execledger.daily_limits'))
