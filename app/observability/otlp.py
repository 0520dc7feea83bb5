"""Spans over OTLP/HTTP, by OpenTelemetry's SDK. Imported only where CHORUS_OTLP_ENDPOINT names a collector.

Spans wait in a bounded queue and leave in batches, on a thread of the SDK's own: a collector that is slow or down costs
traces and never a request. The SDK reads its own OTEL_* variables (headers, certificates, sampling, batch sizes).
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from threading import Thread
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.observability.tracing import ActiveSpan, Span, Tracer, Value

logger = logging.getLogger(__name__)

TRACES_PATH = "/v1/traces"
SEND_TIMEOUT_S = 5.0
"""For one batch, its repetitions included."""
CLOSE_TIMEOUT_S = 5.0
QUEUE_LOGGER = logging.getLogger("opentelemetry.sdk._shared_internal")


class OtlpTracer(Tracer):
    """`endpoint` is a collector's base URL; `resource` says what is traced, in OpenTelemetry's names."""

    def __init__(self, endpoint: str, resource: Mapping[str, str]) -> None:
        self._exporter = _Teller(
            OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=SEND_TIMEOUT_S),
            # Without what may stand before the @.
            collector=urlsplit(endpoint).netloc.rpartition("@")[2],
        )
        self._provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("chorus", resource.get("service.version"))
        self._propagator = TraceContextTextMapPropagator()

    def request(self, headers: Iterable[tuple[bytes, bytes]]) -> Span:
        # All moments of a trace by one clock: the wall's may jump while a request is spoken.
        wall_ns = time.time_ns() - time.perf_counter_ns()
        context = self._propagator.extract({name.decode("latin-1"): value.decode("latin-1") for name, value in headers})
        began_ns = wall_ns + time.perf_counter_ns()
        span = self._tracer.start_span("request", context, trace.SpanKind.SERVER, start_time=began_ns)
        return _OtlpSpan(self._tracer, span, wall_ns)

    def close(self) -> None:
        # The SDK's own shutdown waits for half a minute where a collector hangs; it is left behind then.
        closing = Thread(target=self._provider.shutdown, name="close-traces", daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)
        if closing.is_alive():
            logger.warning("the last traces could not be sent within %g s", CLOSE_TIMEOUT_S)


class _OtlpSpan(ActiveSpan):
    __slots__ = ("_span", "_tracer", "_wall_ns")

    def __init__(self, tracer: trace.Tracer, span: trace.Span, wall_ns: int) -> None:
        self._tracer = tracer
        self._span = span
        self._wall_ns = wall_ns

    @property
    def trace_id(self) -> str:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def child(self, name: str, *, began_at_s: float | None = None) -> Span:
        parent = trace.set_span_in_context(self._span)
        span = self._tracer.start_span(name, parent, start_time=self._ns(began_at_s))
        return _OtlpSpan(self._tracer, span, self._wall_ns)

    def name(self, name: str) -> None:
        if self._span.is_recording():  # the SDK warns of what comes after the end
            self._span.update_name(name)

    def set(self, key: str, value: Value) -> None:
        if self._span.is_recording():
            self._span.set_attribute(key, value)

    def event(self, name: str, key: str, value: Value) -> None:
        if self._span.is_recording():
            self._span.add_event(name, {key: value}, self._ns(None))

    def fail(self, kind: str) -> None:
        if self._span.is_recording():
            self._span.set_attribute("error.type", kind)
            self._span.set_status(trace.StatusCode.ERROR)

    def end(self, *, at_s: float | None = None) -> None:
        if self._span.is_recording():
            self._span.end(self._ns(at_s))

    def _ns(self, moment_s: float | None) -> int:
        return self._wall_ns + (time.perf_counter_ns() if moment_s is None else round(moment_s * 1e9))


class _Teller(SpanExporter):
    """Says once that traces are lost, and once that they are not any more, where the SDK says it for each batch."""

    def __init__(self, exporter: SpanExporter, *, collector: str) -> None:
        self._exporter = exporter
        self._collector = collector
        self._is_losing = False
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        QUEUE_LOGGER.addFilter(self._is_news)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_losing = result is not SpanExportResult.SUCCESS
        if is_losing and not self._is_losing:
            logger.warning("the collector at %s does not take traces; they are lost until it does", self._collector)
        elif self._is_losing and not is_losing:
            logger.info("the collector at %s takes traces again", self._collector)
        self._is_losing = is_losing
        return result

    def shutdown(self) -> None:
        QUEUE_LOGGER.removeFilter(self._is_news)
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _is_news(self, _: logging.LogRecord) -> bool:
        """That the queue overflows, while nothing leaves it, is not."""
        return not self._is_losing
