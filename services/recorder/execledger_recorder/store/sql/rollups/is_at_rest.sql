-- Whether it is not time yet for another pass, by whichever recorder.
SELECT now() < until_at FROM execledger.rollup_rest
