-- The steps of an execution, all attempts and tries, in the order in which they were first heard of: each field as a JSON
-- array, if all rows come to $2 bytes at most; times in milliseconds since 1970.
WITH size AS (
    SELECT count(*) AS steps,
           coalesce(sum(400 + coalesce(octet_length(metadata::text), 0) + coalesce(octet_length(error_message), 0)), 0) AS bytes
    FROM execledger.steps
    WHERE execution_id = $1
), step AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number) AS place
    FROM execledger.steps
    WHERE execution_id = $1 AND (SELECT bytes FROM size) <= $2::bigint
)
SELECT
    (SELECT steps FROM size) AS steps,
    count(*) AS count,
    array_to_json(array_agg(step_id ORDER BY place))::text AS step_id,
    array_to_json(array_agg(name ORDER BY place))::text AS name,
    array_to_json(array_agg(operation ORDER BY place))::text AS operation,
    array_to_json(array_agg(iteration ORDER BY place))::text AS iteration,
    array_to_json(array_agg(total_items ORDER BY place))::text AS total_items,
    array_to_json(array_agg(attempt ORDER BY place))::text AS attempt,
    array_to_json(array_agg(try_number ORDER BY place))::text AS try_number,
    array_to_json(array_agg(agent_id ORDER BY place))::text AS agent_id,
    array_to_json(array_agg(parent_id ORDER BY place))::text AS parent_id,
    array_to_json(array_agg(status ORDER BY place))::text AS status,
    array_to_json(array_agg(floor(extract(epoch FROM started_at) * 1000)::bigint ORDER BY place))::text AS started_at,
    array_to_json(array_agg(floor(extract(epoch FROM ended_at) * 1000)::bigint ORDER BY place))::text AS ended_at,
    array_to_json(array_agg(duration_ms ORDER BY place))::text AS duration_ms,
    array_to_json(array_agg(provisional ORDER BY place))::text AS provisional,
    array_to_json(array_agg(CASE WHEN error_event_id IS NOT NULL THEN
        json_build_object('message', error_message, 'type', error_type, 'stack', NULL) END ORDER BY place))::text AS error,
    array_to_json(array_agg(metadata ORDER BY place))::text AS metadata
FROM step
