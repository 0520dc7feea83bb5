"""ASGI middleware around the whole app; Litestar's own misses errors of routing."""

from collections.abc import Collection

from app.http.asgi import AsgiApp
from app.http.method_semantics import HeadAsGet
from app.http.middleware.access_log import AccessLog, OnEnd
from app.http.middleware.at_end import AtEnd
from app.http.middleware.client_timeout import ClientTimeout
from app.http.middleware.in_flight import InFlight
from app.http.middleware.request_id import RequestId
from app.lifecycle import Lifecycle
from app.observability.tracing import Tracer


def wrap(
    app: AsgiApp,
    lifecycle: Lifecycle,
    *,
    client_timeout_s: float,
    head_paths: Collection[str] = (),
    instance: str = "-",
    on_end: OnEnd | None = None,
    tracer: Tracer | None = None,
) -> AsgiApp:
    """The app inside its middleware; the last line here is called first.

    head_paths   have a handler of their own for HEAD
    on_end       gets route, status and seconds of each exchange that is not a probe
    """
    app = AtEnd(HeadAsGet(app, head_paths))
    app = AccessLog(app, on_end=on_end, tracer=tracer)
    app = ClientTimeout(app, seconds=client_timeout_s)
    app = InFlight(app, lifecycle)
    return RequestId(app, instance)
