-- Marks the days or months in which hours or days were summed anew.
INSERT INTO execledger.rollup_marks (tenant_id, span, start_at)
SELECT DISTINCT tenant_id, $3, date_trunc($3, start_at, 'UTC')
FROM unnest($1::text[], $2::timestamptz[]) AS touched (tenant_id, start_at)
