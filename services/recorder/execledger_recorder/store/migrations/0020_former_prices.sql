-- What a computed price was before it was computed anew: an execution can be shown as the record stood before that.

CREATE TABLE execledger.former_prices (
    execution_id uuid NOT NULL,
    event_id     uuid NOT NULL,
    tenant_id    text NOT NULL,
    cost_usd     numeric,  -- null: there was none
    replaced_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (execution_id, event_id, replaced_at)
);
SELECT execledger.add_derived_table('former_prices');
