"""`execledger down`."""

from typing import Annotated

from cyclopts import Parameter

from execledger.commands.options import DEFAULT_DATA, Data


def down(*, data: Data = DEFAULT_DATA, delete_data: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Stop the local Kafka and Postgres; their data stay for the next `up`. Safe to repeat.

    Parameters
    ----------
    delete_data
        Delete the stack's data as well, for good.
    """
    from execledger import stack
    from execledger.stack.say import standard_error

    console = standard_error()
    stopped = (stack.delete if delete_data else stack.down)(data, console=console)
    console.print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    if delete_data:
        console.print(f"Deleted the data of {data}.")
