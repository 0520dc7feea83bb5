"""The cover: checked by FFmpeg, which decodes it in this child process."""

import io

import av
import av.error

from app.books.book import Cover

MAX_COVER_BYTES = 10 * 1024 * 1024
_FORMATS = {b"\xff\xd8\xff": ("image/jpeg", "jpeg_pipe"), b"\x89PNG\r\n\x1a\n": ("image/png", "png_pipe")}


def read_cover(data: bytes) -> Cover | None:
    """None for what is no JPEG or PNG picture."""
    for magic, (mime_type, name) in _FORMATS.items():
        if data.startswith(magic):
            try:
                with av.open(io.BytesIO(data), "r", format=name) as container:
                    frame = next(container.decode(video=0))
            except (av.error.FFmpegError, StopIteration, ValueError, IndexError):
                return None
            return Cover(mime_type=mime_type, width=frame.width, height=frame.height, data=data)
    return None
