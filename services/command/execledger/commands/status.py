"""`execledger status`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from execledger.commands.options import DEFAULT_DATA, Data

if TYPE_CHECKING:
    from execledger.stack import ServerStatus


def status(
    *, data: Data = DEFAULT_DATA, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> int:
    """Show whether the local Kafka and Postgres run and answer; exit status 1 when one does not.

    Parameters
    ----------
    as_json
        Print a JSON array instead of lines.
    """
    import json
    import sys
    from dataclasses import asdict

    from execledger import stack

    servers = stack.status(data)
    if as_json:
        sys.stdout.write(json.dumps([asdict(server) for server in servers], indent=2) + "\n")
    else:
        sys.stdout.writelines(_line(server) + "\n" for server in servers)
    return 0 if all(server.reachable for server in servers) else 1


def _line(server: "ServerStatus") -> str:
    words = [f"{server.name:<9}", "running" if server.running else "not running"]
    if server.running and server.managed != "named":
        words[-1] += " and reachable" if server.reachable else ", not reachable"
    facts = {"at": server.address, "pid": server.pid, "data": server.data}
    details = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    fault = f": {server.fault}" if server.fault else ""
    return f"{' '.join(words)} ({', '.join(filter(None, [server.managed, details]))}){fault}"
