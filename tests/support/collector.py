"""A collector of traces on loopback, over OTLP/HTTP."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status


class CollectedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Ids in hexadecimal digits, "" for no parent; moments in nanoseconds of Unix time."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    is_error: bool
    attributes: dict[str, Any]
    events: list[str]
    resource: dict[str, Any]


class Collector:
    """Answers with `status`, and keeps what it accepts."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.num_refused = 0
        self._spans: list[CollectedSpan] = []
        self._paths: set[str] = set()
        self._changed = threading.Condition()

    def spans(self, until: Callable[[list[CollectedSpan]], bool]) -> list[CollectedSpan]:
        """All spans, once `until` is true of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: until(self._spans), 30), [span.name for span in self._spans]
            assert self._paths == {"/v1/traces"}
            return list(self._spans)

    def wait_until_it_refused(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.num_refused, 30)

    def take(self, path: str, body: bytes) -> None:
        with self._changed:
            self._paths.add(path)
            if self.status != 200:
                self.num_refused += 1
            else:
                self._spans += _spans(ExportTraceServiceRequest.FromString(body))
            self._changed.notify_all()


def _spans(sent: ExportTraceServiceRequest) -> Iterator[CollectedSpan]:
    for group in sent.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                yield CollectedSpan(
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    began_ns=span.start_time_unix_nano,
                    ended_ns=span.end_time_unix_nano,
                    is_error=span.status.code == Status.STATUS_CODE_ERROR,
                    attributes=_values(span.attributes),
                    events=[event.name for event in span.events],
                    resource=_values(group.resource.attributes),
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def running_collector() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
