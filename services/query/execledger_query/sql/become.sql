-- Makes the transaction somebody's: the role's policies compare with these two. As SET LOCAL, in one round trip.
SELECT
    set_config('role', $1, true),
    set_config('execledger.tenant', $2, true),
    set_config('execledger.owner', $3, true)
