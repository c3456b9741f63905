-- What the status words come to, for the statements that ask. The contract decides it (execledger_contracts.status); a test
-- compares the two. A function of this form is inlined: the planner sees the list of words, and partial indexes fit it.

CREATE FUNCTION execledger.is_open(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('pending', 'running');
CREATE FUNCTION execledger.is_done(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('completed', 'skipped');
CREATE FUNCTION execledger.has_failed(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('failed', 'timed_out');
