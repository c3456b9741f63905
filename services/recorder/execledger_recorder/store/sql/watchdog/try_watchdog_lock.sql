-- One recorder at a time is the watchdog, until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtext('execledger.watchdog'))
