"""Prometheus metrics of speech recognition: finished transcriptions, and the recogniser's load and work."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from app.asr.base import Finished, Recognizer
from app.http.metric_buckets import QUEUE_BUCKETS_S, REAL_TIME_FACTOR_BUCKETS


class TranscriptionMetrics:
    """Transcriptions of routes, sockets and Wyoming together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Counter(
            "chorus_transcribed_seconds_total", "Seconds of recordings that were transcribed.", registry=registry
        )
        self._queue_seconds = Histogram(
            "chorus_transcription_queue_seconds",
            "Time that recordings waited for the recogniser.",
            buckets=QUEUE_BUCKETS_S,
            registry=registry,
        )
        self._real_time_factor = Histogram(
            "chorus_transcription_real_time_factor",
            "Seconds that a finished transcription took for each second of its recording, queue included.",
            buckets=REAL_TIME_FACTOR_BUCKETS,
            registry=registry,
        )

    def on_end(self, receipt: Finished) -> None:
        """Count a recording that was transcribed to its end."""
        self._seconds.inc(receipt.duration_s)
        self._queue_seconds.observe(receipt.queue_s)
        if receipt.duration_s > 0:
            self._real_time_factor.observe(receipt.total_s / receipt.duration_s)


class RecognizerCollector(Collector):
    """Reads the recogniser's state when the page is asked for; no metrics without a recogniser."""

    def __init__(self, find_recognizer: Callable[[], Recognizer | None]) -> None:
        self._find_recognizer = find_recognizer

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        recognizer = self._find_recognizer()
        if recognizer is None:
            return
        info, stats = recognizer.info, recognizer.stats()
        for name, text, value in (
            ("chorus_transcriptions_admitted", "Recordings that the recogniser holds.", stats.admitted_requests),
            (
                "chorus_transcriptions_waiting",
                "Recordings admitted, with nothing recognised yet.",
                stats.waiting_requests,
            ),
            (
                "chorus_transcriptions_limit",
                "Recordings that the recogniser admits; beyond them it answers 503.",
                info.max_admitted,
            ),
            ("chorus_recognizer_windows_waiting", "Windows cut and waiting for the model.", stats.waiting_windows),
            ("chorus_recognizer_slots_busy", "Windows in the model now.", stats.busy_windows),
            ("chorus_recognizer_slots_limit", "Windows that the model decodes together.", info.max_batch),
        ):
            yield GaugeMetricFamily(name, text, value)
        for name, text, value in (
            ("chorus_recognizer_windows_total", "Windows of up to 30 s that were recognised.", stats.num_windows),
            ("chorus_recognizer_batches_total", "Calls of the model, each for several windows.", stats.num_batches),
            (
                "chorus_recognizer_speech_seconds_total",
                "Seconds of speech recognised, silence left out; partial texts and cancelled requests count too.",
                stats.speech_s,
            ),
            ("chorus_recognizer_busy_seconds_total", "Seconds in which the model has computed.", stats.busy_s),
        ):
            yield CounterMetricFamily(name, text, value)
