"""Export of spans over OTLP/HTTP, by OpenTelemetry's SDK. Imported only for CHORUS_OTLP_ENDPOINT.

Spans leave in batches on the SDK's thread from a bounded queue, so a slow collector never delays a request. The SDK
reads its own OTEL_* variables (headers, certificates, sampling, batch sizes).
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Thread
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

logger = logging.getLogger(__name__)

TRACES_PATH = "/v1/traces"
SEND_TIMEOUT_S = 5.0
"""For one batch, its repetitions included."""
CLOSE_TIMEOUT_S = 5.0
QUEUE_LOGGER = logging.getLogger("opentelemetry.sdk._shared_internal")


def open_provider(endpoint: str, resource: Mapping[str, str]) -> TracerProvider:
    """`endpoint` is the collector's base URL; `resource` names the server."""
    exporter = _QuietExporter(
        OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=SEND_TIMEOUT_S),
        # without user and password
        collector=urlsplit(endpoint).netloc.rpartition("@")[2],
    )
    provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def close_provider(provider: TracerProvider) -> None:
    """Send the spans that are left. Blocks for at most CLOSE_TIMEOUT_S."""
    # The SDK's own shutdown waits for half a minute where a collector hangs.
    closing = Thread(target=provider.shutdown, name="close-traces", daemon=True)
    closing.start()
    closing.join(CLOSE_TIMEOUT_S)
    if closing.is_alive():
        logger.warning("the last traces could not be sent within %g s", CLOSE_TIMEOUT_S)


class _QuietExporter(SpanExporter):
    """Logs once that traces are lost and once that they are taken again; the SDK logs it for each batch."""

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
        """False for records of a full queue while the collector takes nothing."""
        return not self._is_losing
