"""Pages of other sites, under their own name for this machine (DNS rebinding)."""

from tests.chaos.attack import Attack, Tally
from tests.chaos.target import Target, exchange, head, post

EVIL = "evil.example"


async def rebinding(target: Target, tally: Tally) -> None:
    for host in (f"{EVIL}:{target.port}", EVIL, "127.0.0.1.evil.example", "localhost.evil.example"):
        for origin in ({"Origin": f"http://{host}"}, {}):
            headers = {"Host": host} | origin
            for method, path in (("GET", "/voices"), ("DELETE", "/voices/0123456789abcdef"), ("GET", "/speakers")):
                tally.take(await exchange(target, [head(target, method, path, headers)]))
            speak = post(target, "/tts", b'{"text": "Hi."}', headers | {"Content-Type": "text/plain"})
            tally.take(await exchange(target, speak))


async def malformed_hosts(target: Target, tally: Tally) -> None:
    hosts = ("a b", "[::1", f"127.0.0.1, {EVIL}", "@127.0.0.1", f"{EVIL}.", f"127.0.0.1@{EVIL}", f"a.{'b' * 5000}.c")
    for host in hosts:
        tally.take(await exchange(target, [head(target, "GET", "/voices", {"Host": host})]))


async def own_names(target: Target, tally: Tally) -> None:
    """The names under which people do reach it."""
    for host in (target.host, f"localhost:{target.port}", f"LOCALHOST:{target.port}"):
        tally.take(await exchange(target, [head(target, "GET", "/voices", {"Host": host})]))


ATTACKS = (
    Attack(
        name="a page that calls this machine by another name is refused",
        sends="32 requests with Host: evil.example and the like",
        run=rebinding,
        expects=frozenset({"400", "403", "421"}),
    ),
    Attack(
        name="a Host that is no name is refused",
        sends="7 requests",
        run=malformed_hosts,
        expects=frozenset({"400", "403", "421"}),
    ),
    Attack(
        name="localhost and the address are still answered",
        sends="3 requests",
        run=own_names,
        expects=frozenset({"200"}),
    ),
)
