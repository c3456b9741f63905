-- The next executions in id order, and whether each is wanted: a page takes the same time however few are.
SELECT id, ($3::text IS NULL OR tenant_id = $3) AND ($4::text IS NULL OR workflow_id = $4) AS wanted
FROM execledger.executions
WHERE id > $1 AND ($2::uuid[] IS NULL OR id = ANY ($2))
ORDER BY id
LIMIT $5
