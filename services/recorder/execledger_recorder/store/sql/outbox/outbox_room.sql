-- How many messages may be added of each of these topics until so many wait.
SELECT named.topic,
       $2::bigint - (SELECT count(*) FROM (SELECT FROM execledger.outbox WHERE topic = named.topic LIMIT $2) AS waiting)
           AS room
FROM unnest($1::text[]) AS named (topic)
