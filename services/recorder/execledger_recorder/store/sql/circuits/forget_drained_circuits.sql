-- What is drained is as it was before.
DELETE FROM execledger.circuit_breakers AS breaker
USING execledger.ledger AS ledger
WHERE breaker.topic = ANY ($1::text[]) AND ledger.topic = breaker.topic AND ledger.partition = breaker.partition
  AND breaker.drain_until <= ledger.next_offset
