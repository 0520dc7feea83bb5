"""Is the server in this container ready? Exit status 0 or 1, and one line that `docker inspect` shows.

The standard library alone: it runs every few seconds beside the server.
"""

import http.client
import json
import os
import sys

TIMEOUT_S = 3


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("CHORUS_PORT", "8000")), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        health = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"no answer: {error!r}")
        return 1
    print(health["status"], health.get("engine") or "", health.get("error") or "")
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
