-- Executions that hold all of these words, newest first, as many as $2.
SELECT array_agg(id ORDER BY id DESC) AS ids
FROM execledger.found_words($1, $2) AS found (id)
