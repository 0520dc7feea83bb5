"""Server-sent events (WHATWG HTML, "Server-sent events")."""

MEDIA_TYPE = "text/event-stream"


def server_sent_event(data: bytes, *, event: str | None = None) -> bytes:
    """`data` is one line, such as JSON; a second line would end the event's field."""
    assert b"\n" not in data and b"\r" not in data
    name = b"" if event is None else b"event: " + event.encode() + b"\n"
    return name + b"data: " + data + b"\n\n"
