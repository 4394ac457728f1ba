"""Asks the process of this container for /health, for Docker's HEALTHCHECK: exit code 0, or 1 with the reason.

Kubernetes does not use it: the charts' probes ask the same port themselves. Standard library only.
"""

from __future__ import annotations

import http.client
import os
import sys

_WITHIN_S = 4.0


def main() -> int:
    port = os.environ.get("ECO2_HTTP_PORT", "8000")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_WITHIN_S)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"port {port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"port {port}: status {status}", file=sys.stderr)
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
