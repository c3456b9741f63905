-- Of the steps that a batch touches the greatest tries, as many as are wanted: an index holds them in order.
SELECT wanted.execution_id, step.fold
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[])
     AS wanted (execution_id, step_id, iteration_key, attempt, tries)
CROSS JOIN LATERAL (
    SELECT fold
    FROM execledger.steps
    WHERE steps.execution_id = wanted.execution_id AND steps.step_id = wanted.step_id
      AND steps.iteration_key = wanted.iteration_key AND steps.attempt = wanted.attempt
    ORDER BY steps.try_number DESC
    LIMIT wanted.tries
) AS step
