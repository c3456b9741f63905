-- The time now, wherever the transaction began.
SELECT clock_timestamp()
