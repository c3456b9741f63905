-- Where a batch's rows are copied to before they are merged: COPY takes them twice as fast as arrays in parameters.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_{table} ON COMMIT DELETE ROWS AS
SELECT {columns} FROM execledger.{table} WITH NO DATA
