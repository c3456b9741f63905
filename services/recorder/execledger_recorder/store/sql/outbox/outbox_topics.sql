-- The topics for which something waits: from one to the next along the index, however much waits for each.
WITH RECURSIVE next AS (
    SELECT min(topic) AS topic FROM execledger.outbox
    UNION ALL
    SELECT (SELECT min(topic) FROM execledger.outbox WHERE outbox.topic > next.topic) FROM next WHERE topic IS NOT NULL
)
SELECT topic FROM next WHERE topic IS NOT NULL
