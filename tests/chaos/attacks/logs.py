"""Log injection: callers' words and an opened `/docs` in a log of JSON, one object a line."""

import json
from pathlib import Path

from tests.chaos.attack import REFUSALS, Attack, Tally
from tests.chaos.target import Target, exchange, head

FORGED = "13:00:00 ERROR the forged line"


async def docs_then_log(target: Target, tally: Tally) -> None:
    for path in ("/docs", "/docs/openapi.json", "/metrics", "/health"):
        tally.take(await exchange(target, [head(target, "GET", path)], limit_s=20))
    await exchange(target, [head(target, "GET", "/speakers")])
    _look_at_log(target, tally)


async def forged_lines(target: Target, tally: Tally) -> None:
    encoded = FORGED.replace(" ", "%20")
    for ending in ("%0a", "%0d%0a", "%0d", "%e2%80%a8", "%c2%85", "%1b%5b2K", "%00"):
        tally.take(await exchange(target, [head(target, "GET", f"/nothing{ending}{encoded}")]))
    for name in ("X-Request-ID", "User-Agent", "X-Forwarded-For", "Authorization"):
        headers = {name: f"a\x0b{FORGED}\x1b[2K"}
        tally.take(await exchange(target, [head(target, "GET", "/nothing", headers)]))
    _look_at_log(target, tally)


def _look_at_log(target: Target, tally: Tally) -> None:
    """Every line must be a JSON object of the server's own making."""
    if not target.log:
        return
    for line in Path(target.log).read_bytes().splitlines()[-200:]:
        try:
            entry = json.loads(line)
        except ValueError:
            tally.fault(f"a line of the log is no JSON: {line[:80]!r}")
            return
        if not isinstance(entry, dict):
            tally.fault("a line of the log is no object")


ATTACKS = (
    Attack(
        name="opening the docs leaves the log as it is",
        sends="5 requests",
        run=docs_then_log,
        expects=frozenset({"200"}),
        limit_s=25,
    ),
    Attack(
        name="no caller can write a line of the log",
        sends="11 requests",
        run=forged_lines,
        expects=REFUSALS,
    ),
)
