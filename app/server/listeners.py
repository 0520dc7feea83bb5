"""Listening TCP sockets for one port on one or several addresses, of IPv4 and IPv6, for HTTP and Wyoming."""

import errno
import socket
from collections.abc import Sequence

from app.errors import AddressUnavailable

BACKLOG = 2048
MAX_UNSENT_BYTES = 128 * 1024
"""Bytes of one answer that the kernel takes beyond those on the way. Without this bound a client that stops reading
still gets megabytes, and a waiting write says little about the client."""

# whatever the resolver says; `::` alone means every address of both families
_LOCALHOST = ("127.0.0.1", "::1")
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, and the address that is shown


def split_hosts(hosts: str) -> list[str]:
    """The comma-separated addresses and names of a setting, without the brackets of `[::1]`, each once."""
    names: list[str] = []
    for part in hosts.split(","):
        name = part.strip()
        if name.startswith("[") and name.endswith("]"):
            name = name[1:-1]
        names += _LOCALHOST if name.lower() == "localhost" else [name] if name else []
    return list(dict.fromkeys(names))


def open_listeners(hosts: str, port: int, *, port_setting: str, purpose: str = "HTTP") -> list[socket.socket]:
    """Listening sockets for every address of `hosts`, all on one port; `port` 0 takes a free one.

    `::` takes IPv4 connections too, unless an IPv4 address is listed beside it. `localhost` is 127.0.0.1 and ::1; the
    second is left out on a machine without IPv6. Raises AddressUnavailable, which names the address that failed and the
    setting to change, and leaves no socket open.
    """
    listeners: list[socket.socket] = []
    names = split_hosts(hosts)
    is_localhost = "localhost" in hosts.lower()
    has_ipv4 = any(":" not in name for name in names)
    try:
        for name in names:
            try:
                for family, address in _resolve(name, port):
                    is_dual = name == "::" and not has_ipv4 and socket.has_dualstack_ipv6()
                    listeners.append(_open(family, address, is_dual=is_dual))
                    port = listeners[0].getsockname()[1]
            except OSError as error:
                if name == "::1" and is_localhost and listeners and error.errno in _NO_IPV6:
                    continue
                raise _explained(name, port, error, port_setting, purpose) from error
        if not listeners:
            raise AddressUnavailable(f"CHORUS_HOST={hosts!r} names no address", param="CHORUS_HOST")
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def shown_authority(listener: socket.socket) -> str:
    """`host:port` under which a client on this machine reaches the listener, with brackets around IPv6."""
    host, port = listener.getsockname()[:2]
    if host == "::" and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        host = "127.0.0.1"  # takes both families; this one is there even where IPv6 is switched off
    host = _WILDCARDS.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(name: str, port: int) -> Sequence[tuple[int, tuple[object, ...]]]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), tuple(address)) for family, _, _, _, address in found))


def _open(family: int, address: tuple[object, ...], *, is_dual: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_dual)
        # Accepted connections inherit both. asyncio does not set TCP_NODELAY on a given socket, and every small answer
        # would wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def _explained(name: str, port: int, error: OSError, port_setting: str, purpose: str) -> AddressUnavailable:
    reason = str(error.strerror).lower()
    if isinstance(error, socket.gaierror) or error.errno in _NO_IPV6:
        message = (
            f"cannot listen on {name} for {purpose}: {reason}; CHORUS_HOST takes addresses and names of this machine"
        )
        return AddressUnavailable(message, param="CHORUS_HOST")
    return AddressUnavailable(
        f"cannot listen on {name} port {port} for {purpose}: {reason}; another port goes in {port_setting}",
        param=port_setting,
    )
