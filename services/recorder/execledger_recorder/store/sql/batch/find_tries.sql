-- Tries of steps that events name.
SELECT step.execution_id, step.fold
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[])
     AS wanted (execution_id, step_id, iteration_key, attempt, try_number)
JOIN execledger.steps AS step USING (execution_id, step_id, iteration_key, attempt, try_number)
