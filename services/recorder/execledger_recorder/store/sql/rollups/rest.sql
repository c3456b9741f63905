-- Nobody begins another pass for so many seconds.
UPDATE execledger.rollup_rest SET until_at = now() + make_interval(secs => $1)
