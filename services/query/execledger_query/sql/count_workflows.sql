-- How many workflows there are.
SELECT count(*) AS total FROM execledger.workflows
