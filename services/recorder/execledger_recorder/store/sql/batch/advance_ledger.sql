-- Moves the account of each partition over what this batch counted.
UPDATE execledger.ledger AS ledger
SET next_offset = counted.next_offset,
    gaps = ledger.gaps + counted.gaps,
    missed = ledger.missed + counted.missed,
    applied = ledger.applied + counted.applied,
    late = ledger.late + counted.late,
    duplicate = ledger.duplicate + counted.duplicate,
    rejected = ledger.rejected + counted.rejected,
    dead_lettered = ledger.dead_lettered + counted.dead_lettered,
    skipped = ledger.skipped + counted.skipped,
    last_offset = coalesce(counted.last_offset, ledger.last_offset),
    last_digest = coalesce(counted.last_digest, ledger.last_digest),
    updated_at = now()
FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[])
     AS counted (partition, next_offset, gaps, missed, applied, late, duplicate, rejected, dead_lettered, skipped,
                 last_offset, last_digest)
WHERE ledger.topic = $1 AND ledger.partition = counted.partition
