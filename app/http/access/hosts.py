"""The names in `Host` under which the server answers: the defence against DNS rebinding.

The owner of a name in the DNS can point it at this machine. A browser then takes that owner's page for a page of this
server: `Origin` equals `Host`, and the page may ask and read everything. Such a name is a full one in the public DNS,
so addresses, names without a dot and names that no public DNS has are safe, and any other name must be listed.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from app.errors import HostNotAllowed, quoted
from app.settings import Settings

PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
"""Suffixes of the machine itself, of multicast DNS, and of home and container networks (`host.docker.internal`)."""

_HOST = re.compile(r"(\[[^]]*\]|[^][:]*)(:[0-9]*)?")


class HostRule:
    """Which values of `Host` are served. Names are compared without case, port and a dot at the end."""

    def __init__(self, settings: Settings, *, needs_key: bool) -> None:
        listed = settings.allowed_hosts
        # A page of another name knows no key, so a server with keys is safe under any name.
        self._allows_all = listed.is_any or (needs_key and not listed)
        self._listed = listed
        self._own_names = {socket.gethostname().lower(), settings.host.lower()}

    def check(self, hosts: Iterable[str]) -> None:
        """Raise HostNotAllowed unless each of `hosts`, the `Host` headers of a request, may be asked.

        A request without one is served: every browser sends it.
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
