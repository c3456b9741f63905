-- The steps that a batch touches.
SELECT step.execution_id, step.fold
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[]) AS wanted (execution_id, step_id, iteration, attempt)
JOIN execledger.steps AS step USING (execution_id, step_id, iteration, attempt)
