-- Days and months in a range that are to be summed anew: until then what they are the sum of is right.
SELECT DISTINCT span, start_at
FROM execledger.rollup_marks
WHERE span IN ('day', 'month') AND start_at >= $1::timestamptz - interval '31 days' AND start_at < $2::timestamptz
