"""`execledger keys`."""

from cyclopts import App

keys = App(name="keys", help="The keys by which Execledger knows its own records in Kafka.")


@keys.command
def rotate() -> None:
    """Make a new key, which signs from now on; those before still verify what they signed.

    Recorders need no restart. To distrust a key, delete its row in execledger.signing_keys and restart the recorders.
    """
    import asyncio

    asyncio.run(_rotate())


async def _rotate() -> None:
    import sys

    from execledger.commands.opening import open_store

    async with open_store() as store:
        key_id = await store.signing_keys.rotate()
        count = await store.signing_keys.count()
    sys.stdout.write(f"key {key_id} signs from now on; {count} keys verify\n")
