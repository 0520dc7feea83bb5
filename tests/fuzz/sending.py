"""Damaged recordings sent to a running server, and its answers by status."""

from collections import Counter
from collections.abc import Iterable

import httpx

from tests.fuzz.media import damaged_recordings


def send_damaged(
    client: httpx.Client,
    num: int,
    seed: int,
    *,
    path: str = "/voices/check",
    field: str = "reference_audio",
    seconds: float = 2.5,
) -> tuple[Counter[int], list[str]]:
    """Answers by status, and what each answer above 499 says. A server that died raises httpx.TransportError."""
    return send_files(client, damaged_recordings(num, seed, seconds), path=path, field=field)


def send_files(
    client: httpx.Client, files: Iterable[tuple[str, bytes]], *, path: str, field: str
) -> tuple[Counter[int], list[str]]:
    """As `send_damaged`, of files with their names."""
    statuses: Counter[int] = Counter()
    failures: list[str] = []
    for name, data in files:
        answer = client.post(path, files={field: (name, data)})
        statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            failures.append(f"{name}: {answer.status_code} {answer.text}")
    return statuses, failures
