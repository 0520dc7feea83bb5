"""The order in which waiting jobs are made."""

from collections import Counter
from collections.abc import Collection

from app.books.jobs.record import JobRequest


def in_turn(waiting: Collection[JobRequest], owners: Counter[str], num_free: int) -> list[str]:
    """Ids of the next `num_free` jobs: those of callers with the fewest running jobs first, then the oldest.

    owners   running jobs by their owners
    """
    left, chosen = sorted(waiting, key=lambda request: (request.created_at, request.id)), list[str]()
    running = owners.copy()
    while left and len(chosen) < num_free:
        request = min(left, key=lambda each: running[each.owner])
        left.remove(request)
        running[request.owner] += 1
        chosen.append(request.id)
    return chosen
