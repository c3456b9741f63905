-- Requests whose keys are remembered no longer.
DELETE FROM execledger.cancel_requests WHERE is_passed_on AND requested_at < now() - make_interval(days => $1)
