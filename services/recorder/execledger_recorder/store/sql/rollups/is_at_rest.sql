SELECT now() < until_at FROM execledger.rollup_rest
