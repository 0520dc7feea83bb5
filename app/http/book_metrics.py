"""Prometheus metrics of the books that a server makes."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.books.jobs.record import JobStatus


class BookMetrics(Collector):
    """`count_jobs` gives the number of jobs by status; None while there are no jobs to count."""

    def __init__(self, registry: CollectorRegistry, count_jobs: Callable[[], Mapping[JobStatus, int] | None]) -> None:
        self._count_jobs = count_jobs
        self._seconds = Counter(
            "chorus_book_audio_seconds_total", "Seconds of audio that were made for books.", registry=registry
        )
        registry.register(self)

    def on_made(self, seconds: float) -> None:
        self._seconds.inc(seconds)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts = self._count_jobs()
        if counts is None:
            return
        jobs = GaugeMetricFamily("chorus_jobs", "Books of all callers, by status.", labels=("status",))
        for status in JobStatus:
            jobs.add_metric((status.value,), counts.get(status, 0))
        yield jobs
