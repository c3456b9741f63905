"""Cursors are signed: the secret is part of the name of the list that a cursor belongs to."""

from execledger_query.store import Store


class Signing:
    """The secret of this installation: of its setting, else made at migration and read when it is first needed.

    So a cursor outlives a restart, and every process takes those of the others.
    """

    def __init__(self, store: Store, secret: str | None) -> None:
        self._store = store
        self._secret = secret

    async def scope(self, text: str) -> str:
        """The name of a list for its cursors, which nobody can write who does not know the secret."""
        if self._secret is None:
            self._secret = (await self._store.cursor_key()).hex()
        return f"{self._secret} {text}"
