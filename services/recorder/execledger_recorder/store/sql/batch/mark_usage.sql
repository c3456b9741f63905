-- Days of usage that this batch touched.
INSERT INTO execledger.usage_marks (tenant_id, owner_id, day)
SELECT tenant_id, owner_id, day FROM unnest($1::text[], $2::text[], $3::date[]) AS touched (tenant_id, owner_id, day)
