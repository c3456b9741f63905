-- The whole account, with the end of Kafka's log as it was last seen.
SELECT ledger.topic, ledger.partition, ledger.first_offset, ledger.next_offset, ends.end_offset, ledger.gaps,
       ledger.missed, ledger.applied, ledger.late, ledger.duplicate, ledger.rejected, ledger.dead_lettered,
       ledger.skipped, end_offset - least(end_offset, next_offset) AS lag,
       ledger.next_offset - ledger.first_offset - ledger.gaps - ledger.missed - ledger.applied - ledger.late
           - ledger.duplicate - ledger.rejected - ledger.dead_lettered - ledger.skipped AS unaccounted
FROM execledger.ledger AS ledger
LEFT JOIN execledger.ledger_ends AS ends USING (topic, partition)
ORDER BY ledger.topic, ledger.partition
