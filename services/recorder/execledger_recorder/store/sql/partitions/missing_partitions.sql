-- Those of some times for whose ids a table has no partition.
SELECT at FROM unnest($1::timestamptz[]) AS at WHERE NOT execledger.is_partitioned(at) ORDER BY at
