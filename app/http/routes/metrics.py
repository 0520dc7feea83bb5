"""`GET /metrics`: answered on the event loop, in every state of the server."""

from litestar import Response, get
from litestar.di import NamedDependency

from app.http.state import AppState

TEXT_FORMAT = "text/plain; version=0.0.4"
"""Prometheus's text format; Litestar adds the charset."""


@get("/metrics", media_type=TEXT_FORMAT, tags=["health"], summary="Counts, times and load, for Prometheus")
async def metrics(app_state: NamedDependency[AppState]) -> Response[bytes]:
    return Response(app_state.metrics.page())
