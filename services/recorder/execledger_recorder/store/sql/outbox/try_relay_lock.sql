-- One relay is active among all recorders: the session that holds this lock.
SELECT pg_try_advisory_lock(hashtext('execledger.relay'))
