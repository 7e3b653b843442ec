"""Whether the service on this machine is ready, as an exit status: the health check of its container."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from backend.config import load_settings

TIMEOUT = 4  # seconds


def main() -> int:
    """Ask the service; 0 if it is ready, else 1."""
    settings = load_settings()
    connection = HTTPConnection("127.0.0.1", settings.port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz", headers={"Host": settings.allowed_hosts[0]})
        return int(connection.getresponse().status != 200)
    except (OSError, HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
