-- Makes the partitions for ids of this time, if they are not there.
SELECT execledger.ensure_partition($1::timestamptz)
