-- Daily usage as a roll-up of days by owner, and what it and the sums of events count.
CREATE VIEW execledger.rolled_usage WITH (security_invoker) AS
SELECT tenant_id, 'day' AS span, day::timestamp AT TIME ZONE 'UTC' AS start_at,
       CASE WHEN owner_id <> '' THEN owner_id END AS owner_id, executions, completed, failed, prompt_tokens,
       completion_tokens, total_tokens, cost_usd
FROM execledger.usage_daily;

CREATE VIEW execledger.measured_usage WITH (security_invoker) AS
SELECT execution.*, execledger.start_of(started_at, created_at) AS start_at, 1 AS executions,
       execledger.is_done(status)::integer AS completed, execledger.has_failed(status)::integer AS failed
FROM execledger.executions AS execution;

CREATE VIEW execledger.measured_events WITH (security_invoker) AS
SELECT execution.*, event.occurred_at AS start_at, event.type, 1 AS events
FROM execledger.executions AS execution
JOIN execledger.execution_events AS event ON event.execution_id = execution.id;

GRANT SELECT ON execledger.rolled_usage, execledger.measured_usage, execledger.measured_events
    TO execledger_recorder, execledger_owner, execledger_tenant, execledger_admin;
