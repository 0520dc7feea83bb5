"""Logging: one line a message, or one JSON object, each with its request id.

`extra={"fields": {...}}` adds members to the JSON object, which the text leaves out.

Messages quote callers: paths, names of voices, header values. Formatters escape every character that is not printable,
so that no caller can begin a line, move a terminal's cursor, or reverse the direction of the text.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from app.observability.request_context import request_context
from app.observability.tracing import trace_id


class _TextFormatter(logging.Formatter):
    """`12:00:00 INFO    [request id] message`; the lines of a traceback follow, each indented."""

    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record, "%H:%M:%S")
        line = f"{time} {record.levelname:7} [{request_context.get().request_id}] {escape(record.getMessage())}"
        trace = [self.formatException(record.exc_info)] if record.exc_info else []
        trace += [self.formatStack(record.stack_info)] if record.stack_info else []
        # An exception's message may hold line breaks; indented, none of its lines looks like one of the log.
        return "\n".join([line, *(f"    {escape(each)}" for text in trace for each in text.split("\n"))])


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {  # Any: JSON
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_context.get().request_id,
            **getattr(record, "fields", {}),
        }
        if trace := trace_id():
            entry["trace_id"] = trace
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        # The encoder escapes everything beyond printable ASCII. `default=str`: a value without a JSON form must not
        # cost the line.
        return json.dumps(entry, default=str)


def escape(text: str) -> str:
    r"""`text` with each character that is not printable as an escape: `\n`, `\x1b`, `\u2028`.

    Those are control characters, line and paragraph separators, marks of direction, lone surrogates and all spaces but
    the plain one.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def configure_logging(level: str, log_format: str) -> None:
    """Log to standard error, Python's warnings too; standard output is for audio."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
