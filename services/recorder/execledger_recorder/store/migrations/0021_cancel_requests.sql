-- What somebody asked of the query service, or by the command: to stop an execution. A recorder makes events of it. The
-- query service's roles add and see their own requests only; to see that a tenant's token may act is that service's.

CREATE TABLE execledger.cancel_requests (
    tenant_id     text NOT NULL,
    requested_by  text NOT NULL,
    key           text NOT NULL,
    execution_id  uuid NOT NULL,
    reason        text,
    descendants   boolean NOT NULL,
    requested_at  timestamptz NOT NULL,
    answer        text NOT NULL,
    is_passed_on  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, requested_by, key)
);
COMMENT ON COLUMN execledger.cancel_requests.key IS 'Idempotency-Key of the request, or one that was made for it';
COMMENT ON COLUMN execledger.cancel_requests.answer IS 'what was answered, for whoever asks once more under that key';
CREATE INDEX cancel_requests_waiting ON execledger.cancel_requests (requested_at) WHERE NOT is_passed_on;
CREATE INDEX cancel_requests_age ON execledger.cancel_requests (requested_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.cancel_requests TO execledger_recorder;
GRANT SELECT ON execledger.cancel_requests TO execledger_tenant, execledger_admin;
GRANT INSERT (tenant_id, requested_by, key, execution_id, reason, descendants, requested_at, answer)
    ON execledger.cancel_requests TO execledger_tenant, execledger_admin;
ALTER TABLE execledger.cancel_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON execledger.cancel_requests TO execledger_admin
    USING (requested_by = current_setting('execledger.owner', true));
CREATE POLICY own_of_tenant ON execledger.cancel_requests TO execledger_tenant
    USING (tenant_id = current_setting('execledger.tenant', true)
           AND requested_by = current_setting('execledger.owner', true));
