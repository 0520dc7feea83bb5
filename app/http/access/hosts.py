"""Values of `Host` that are served, against DNS rebinding.

The owner of a public DNS name can point it at this machine, and a browser then takes that owner's page for this
server's. Addresses, names without a dot and names that no public DNS has are safe.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from app.errors import HostNotAllowed, quoted
from app.settings import Settings

PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
"""This machine, multicast DNS, home and container networks (`host.docker.internal`)."""

_HOST = re.compile(r"(\[[^]]*\]|[^][:]*)(:[0-9]*)?")


class HostRule:
    """Names are compared without case, port and trailing dot."""

    def __init__(self, settings: Settings, *, needs_key: bool) -> None:
        listed = settings.allowed_hosts
        # A foreign page has no key, so a server with keys is safe under any name.
        self._allows_all = listed.is_any or (needs_key and not listed)
        self._listed = listed
        self._own_names = {socket.gethostname().lower(), settings.host.lower()}

    def check(self, hosts: Iterable[str]) -> None:
        """Raise HostNotAllowed unless all `hosts` (headers of one request) are allowed.

        A request without one is served, because every browser sends it.
        """
        for host in hosts:
            if not self.allows(host):
                raise HostNotAllowed(
                    f"this server is not served under the name {quoted(host)}: use its IP address or `localhost`, "
                    "or list the name in CHORUS_ALLOWED_HOSTS"
                )

    def allows(self, host: str) -> bool:
        if self._allows_all:
            return True
        if (parts := _HOST.fullmatch(host)) is None:
            return _is_address(host)  # IPv6 without brackets
        name = parts[1].rstrip(".").lower()
        return (
            name in self._own_names
            or "." not in name
            or name.endswith(PRIVATE_SUFFIXES)
            or name in self._listed
            or _is_address(name)
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
