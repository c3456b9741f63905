"""The image's health check: exit status 0 when the service of this container answers on /healthz."""

import os
import sys
from http.client import HTTPConnection, HTTPException

# One of the two runs here.
PORTS = (("EXECLEDGER_RECORDER_METRICS_PORT", "9464"), ("EXECLEDGER_QUERY_PORT", "8080"))


def is_alive(port: int) -> bool:
    """Whether a service answers on that port and calls itself alive."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if any(is_alive(int(os.environ.get(name) or port)) for name, port in PORTS) else 1)
