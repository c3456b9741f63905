-- From now on a tenant, or one of its owners, may consume what it likes in a day.
DELETE FROM execledger.daily_limits WHERE tenant_id = $1 AND owner_id = $2
