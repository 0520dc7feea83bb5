"""Prometheus metrics: counts and times of ended exchanges and answers, and the current load.

Each app has its own registry, because tests run several in one process. Used on the event loop only. Labels have few
values: a route is a template.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from app import __version__
from app.asr.base import Recognizer
from app.books.jobs.record import JobStatus
from app.engine.base import Engine
from app.http.book_metrics import BookMetrics
from app.http.metric_buckets import (
    FIRST_AUDIO_BUCKETS_S,
    QUEUE_BUCKETS_S,
    REAL_TIME_FACTOR_BUCKETS,
    REQUEST_BUCKETS_S,
)
from app.http.recognizer_metrics import RecognizerCollector, TranscriptionMetrics
from app.lifecycle import Lifecycle, Status
from app.speech.events import CheckOutcome
from app.speech.receipt import Receipt

disable_created_metrics()  # they double the series, and nothing here reads them


class Metrics:
    """`find_engine` gives the engine once it is loaded; until then its figures are left out."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        find_engine: Callable[[], Engine | None],
        num_sockets: Callable[[], int] = lambda: 0,
        find_recognizer: Callable[[], Recognizer | None] = lambda: None,
        count_jobs: Callable[[], Mapping[JobStatus, int] | None] = lambda: None,
    ) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(LoadCollector(lifecycle, find_engine, num_sockets))
        registry.register(RecognizerCollector(find_recognizer))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "chorus_requests_total",
            'Requests that have ended, by status; "aborted" is an answer that did not reach its end.',
            ("route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "chorus_request_seconds",
            "Time from a request to the end of its answer.",
            ("route",),
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._queue_seconds = Histogram(
            "chorus_queue_seconds",
            "Time that requests waited for their first slot.",
            buckets=QUEUE_BUCKETS_S,
            registry=registry,
        )
        self._first_audio_seconds = Histogram(
            "chorus_first_audio_seconds",
            "Time from a request to its first audio.",
            buckets=FIRST_AUDIO_BUCKETS_S,
            registry=registry,
        )
        self._real_time_factor = Histogram(
            "chorus_real_time_factor",
            "Seconds that a finished answer took for each second of its audio, queue and slow readers included.",
            buckets=REAL_TIME_FACTOR_BUCKETS,
            registry=registry,
        )
        self._audio_seconds = Counter(
            "chorus_audio_seconds_total", "Seconds of audio handed to callers.", registry=registry
        )
        self._segments = Counter("chorus_segments_total", "Segments that were spoken to their end.", registry=registry)
        self._characters = Counter(
            "chorus_characters_total", "Characters of the segments that were spoken to their end.", registry=registry
        )
        self._underruns = Counter(
            "chorus_underruns_total",
            "Gaps in streamed answers: the listener had played all it had got, and the server let it wait.",
            registry=registry,
        )
        self._checks = Counter(
            "chorus_checks_total",
            "Segments that were checked against their text, by verdict of the speech that was delivered.",
            ("verdict",),
            registry=registry,
        )
        for outcome in get_args(CheckOutcome):
            self._checks.labels(outcome)  # series of a rate begin at 0
        self._check_attempts = Counter(
            "chorus_check_attempts_total",
            "Segments that were spoken again, because an earlier attempt did not say their text.",
            registry=registry,
        )
        self._check_seconds = Counter(
            "chorus_check_seconds_total",
            "Seconds that the recogniser took for checks and times of words, waits included.",
            registry=registry,
        )
        self.transcriptions = TranscriptionMetrics(registry)
        self.books = BookMetrics(registry, count_jobs)

    def on_exchange_end(self, route: str, status: str, seconds: float) -> None:
        self._requests.labels(route, status).inc()
        self._request_seconds.labels(route).observe(seconds)

    def on_answer_end(self, receipt: Receipt) -> None:
        """Count one spoken answer, whole, streamed or broken."""
        self._audio_seconds.inc(receipt.delivered_s)
        self._segments.inc(receipt.num_segments)
        self._characters.inc(receipt.num_characters)
        self._underruns.inc(receipt.num_underruns)
        for checked in receipt.checks:
            self._checks.labels(checked.verdict).inc()
            self._check_attempts.inc(checked.num_attempts - 1)
        self._check_seconds.inc(receipt.check_s)
        if receipt.queue_s is not None:
            self._queue_seconds.observe(receipt.queue_s)
        if receipt.first_audio_s is not None:
            self._first_audio_seconds.observe(receipt.first_audio_s)
        if receipt.total_s is not None and receipt.audio_s > 0:
            self._real_time_factor.observe(receipt.total_s / receipt.audio_s)

    def page(self) -> bytes:
        """In Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)


class LoadCollector(Collector):
    """Reads the current load when the page is asked for, so no code updates a gauge."""

    def __init__(
        self, lifecycle: Lifecycle, find_engine: Callable[[], Engine | None], num_sockets: Callable[[], int]
    ) -> None:
        self._lifecycle = lifecycle
        self._find_engine = find_engine
        self._num_sockets = num_sockets

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily]:
        status = GaugeMetricFamily("chorus_status", "1 for the state that the server is in.", labels=("status",))
        for each in Status:
            status.add_metric((each.value,), each is self._lifecycle.status)
        yield status
        yield GaugeMetricFamily(
            "chorus_requests_in_flight",
            "Requests whose answer is not sent to its end, probes left out, and sentences that sockets speak.",
            self._lifecycle.num_in_flight,
        )
        yield GaugeMetricFamily(
            "chorus_sockets_open", "WebSockets and Wyoming connections that are open.", self._num_sockets()
        )
        build = {"version": __version__}
        engine = self._find_engine()
        if engine is not None:
            info, stats = engine.info, engine.stats()
            build |= {"engine": info.name, "model": info.model, "device": info.device}
            yield GaugeMetricFamily("chorus_slots_busy", "Segments being decoded.", stats.busy_slots)
            yield GaugeMetricFamily("chorus_slots_limit", "Segments that fit at once.", info.max_slots)
            yield GaugeMetricFamily(
                "chorus_requests_admitted", "Requests that the engine holds.", stats.admitted_requests
            )
            yield GaugeMetricFamily(
                "chorus_requests_waiting", "Requests admitted, with no segment started yet.", stats.waiting_requests
            )
            yield GaugeMetricFamily(
                "chorus_queue_limit",
                "Requests that the engine admits; beyond them it answers 503.",
                info.max_slots + info.max_queue,
            )
            yield GaugeMetricFamily(
                "chorus_capacity_streams",
                "Streams that are spoken at least as fast as they are played, by measured times.",
                stats.capacity_streams,
            )
            yield GaugeMetricFamily(
                "chorus_capacity_ratio",
                "Streams with audio still to be made, as a share of that capacity; above 1 some of them wait.",
                stats.live_streams / stats.capacity_streams,
            )
            yield CounterMetricFamily(
                "chorus_decode_steps_total",
                "Steps of the decoder; each gives every busy slot one more audio code.",
                stats.decode_steps,
            )
            yield CounterMetricFamily(
                "chorus_segments_retried_total",
                "Segments that did not end by themselves and were decoded again.",
                stats.segments_retried,
            )
            yield CounterMetricFamily(
                "chorus_segments_cut_total", "Segments that did not end by themselves and were cut.", stats.segments_cut
            )
            if stats.device_memory is not None:
                memory = GaugeMetricFamily(
                    "chorus_device_memory_bytes",
                    "Memory of the GPU: of tensors, taken from the device for them, and all that the device has.",
                    labels=("kind",),
                )
                for kind in ("allocated", "reserved", "limit"):
                    memory.add_metric((kind,), getattr(stats.device_memory, kind))
                yield memory
        yield InfoMetricFamily("chorus_build", "What runs here; the engine's labels come once it is loaded.", build)
