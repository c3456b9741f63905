-- Whose a dead letter is, where that can be shown: one of a topic that speaks for this tenant alone, or an event that only
-- Postgres refused. All others are the admin's, and so are those from before.

ALTER TABLE execledger.dead_letters ADD COLUMN tenant_id text;
CREATE INDEX dead_letters_tenant ON execledger.dead_letters (tenant_id, id) WHERE tenant_id IS NOT NULL;
ALTER TABLE execledger.dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY admin ON execledger.dead_letters FOR SELECT TO execledger_admin USING (true);
CREATE POLICY tenant ON execledger.dead_letters FOR SELECT TO execledger_tenant
    USING (tenant_id = current_setting('execledger.tenant', true));
GRANT SELECT ON execledger.dead_letters TO execledger_tenant;
