-- How many executions a list has, as far as $1. The store puts a request's filters where the comment is.
SELECT count(*) AS counted
FROM (
    SELECT
    FROM execledger.executions AS execution
    WHERE true /* AND filters */
    LIMIT $1
) AS counted
