-- What trees come to for an owner, whose own executions alone are counted: row security sees to that.
SELECT tree.tenant_id, tree.root_execution_id, tree.revision, summed.*
FROM unnest($1::text[], $2::text[]) AS root (tenant_id, external_id)
JOIN execledger.trees AS tree ON tree.tenant_id = root.tenant_id AND tree.root_execution_id = root.external_id
CROSS JOIN LATERAL (
    SELECT count(*) AS executions, count(*) FILTER (WHERE execledger.is_open(status)) AS open,
           count(*) FILTER (WHERE execledger.has_failed(status)) AS failed,
           least(sum(total_tokens), 9223372036854775807)::bigint AS total_tokens, sum(cost_usd) AS cost_usd
    FROM (
        SELECT below.status, below.total_tokens, below.cost_usd
        FROM execledger.executions AS below
        WHERE below.tenant_id = root.tenant_id AND below.root_execution_id = root.external_id
          AND below.root_execution_id <> below.external_id
        UNION ALL
        SELECT itself.status, itself.total_tokens, itself.cost_usd
        FROM execledger.execution_aliases AS alias
        JOIN execledger.executions AS itself ON itself.id = alias.id
        WHERE alias.tenant_id = root.tenant_id AND alias.external_id = root.external_id
    ) AS member
) AS summed
