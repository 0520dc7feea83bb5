"""Logging: one line a message, or one JSON object, each with its request id.

A message may bring figures of its own, `extra={"fields": {...}}`: members of the JSON object, left out of the text.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.http.context import request_id
from app.tracing import current


class _WithRequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {  # Any: JSON
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if trace_id := current().trace_id:
            entry["trace_id"] = trace_id
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        # A value that JSON has no form for must not cost the line.
        return msgspec.json.encode(entry, enc_hook=str).decode()


def configure_logging(level: str, log_format: str) -> None:
    """Log to standard error, Python's warnings too; standard output is for audio."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_WithRequestId())
    text = logging.Formatter("%(asctime)s %(levelname)-7s [%(request_id)s] %(message)s", datefmt="%H:%M:%S")
    handler.setFormatter(_JsonFormatter() if log_format == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
