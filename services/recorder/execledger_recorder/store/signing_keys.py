"""The keys by which our own records are known."""

from collections.abc import Collection

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL
from execledger_runtime.errors import StoreUnavailable
from execledger_runtime.kafka.signatures import SigningKey


class SigningKeys:
    """All of them verify; the newest signs."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def read(self, ids: Collection[str]) -> dict[str, bytes]:
        """The secrets of those of these keys that there are, by id."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["read_signing_keys"], list(ids))
        return {str(row["id"]): row["secret"] for row in rows}

    async def newest(self) -> SigningKey:
        """The key that signs. Raises StoreUnavailable when there is none."""
        async with self._connect() as connection:
            row = await connection.fetchrow(SQL["newest_signing_key"])
        if row is None:
            raise StoreUnavailable("there is no key to sign our own records with: run execledger keys rotate")
        return SigningKey(str(row["id"]), row["secret"])

    async def rotate(self) -> str:
        """Make a new key, and let it sign from now on; its id."""
        async with self._connect() as connection:
            return str(await connection.fetchval(SQL["add_signing_key"]))

    async def count(self) -> int:
        """How many there are."""
        async with self._connect() as connection:
            count: int = await connection.fetchval(SQL["count_signing_keys"])
        return count
