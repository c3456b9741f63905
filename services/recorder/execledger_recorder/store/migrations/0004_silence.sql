-- The watchdog: how long a workflow's executions may be silent, what it decided, and the open executions it looks through.

CREATE TABLE execledger.silence_limits (
    tenant_id   text NOT NULL,
    workflow_id text NOT NULL,
    seconds     double precision NOT NULL CHECK (seconds > 0 AND seconds <= 1e9),
    PRIMARY KEY (tenant_id, workflow_id)
);

-- One decision for each newest event that an execution had when it was found past a limit: the event that ends it was
-- sent, or it was left alone.
CREATE TABLE execledger.watchdog_decisions (
    execution_id    uuid NOT NULL,
    attempt         integer NOT NULL,
    newest_event_id uuid NOT NULL,
    decision        text NOT NULL CHECK (decision IN ('timeout', 'silence', 'imported')),
    decided_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (execution_id, attempt, newest_event_id)
);

CREATE INDEX executions_open ON execledger.executions (tenant_id, workflow_id) WHERE status IN ('pending', 'running');

GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.silence_limits, execledger.watchdog_decisions
    TO execledger_recorder;
