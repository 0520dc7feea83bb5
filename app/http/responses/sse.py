"""Server-sent events: the lines in which one event travels (WHATWG HTML, "Server-sent events").

Knows the form of an event. Knows nothing of what is in it.
"""

MEDIA_TYPE = "text/event-stream"


def server_sent_event(data: bytes, *, event: str | None = None) -> bytes:
    """`data` is one line, such as JSON: a second line would end the field, and with it the event."""
    assert b"\n" not in data and b"\r" not in data
    name = b"" if event is None else b"event: " + event.encode() + b"\n"
    return name + b"data: " + data + b"\n\n"
