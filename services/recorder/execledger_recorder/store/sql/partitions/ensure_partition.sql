-- Makes the partitions for ids of this time, if they are not there; months for so many days back, else years.
SELECT execledger.ensure_partition($1::timestamptz, make_interval(days => $2))
