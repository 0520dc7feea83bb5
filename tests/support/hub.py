"""A model hub on loopback, and the ways in which a hub can fail."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"
LARGE = 1 << 20


class Hub:
    """Serves the files of a folder as those of any model. Faults are set by tests, by file name.

    sent      (file, first byte, bytes) of each body
    """

    def __init__(self, folder: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.wrong: set[str] = set()
        self.statuses: dict[str, list[int]] = {}
        """statuses to answer GETs with, before the file is served"""
        self.head_statuses: dict[str, list[int]] = {}
        self.error_code = "EntryNotFound"
        """X-Error-Code of refusals"""
        self.paths: set[str] = set()
        """of files that were looked up"""
        self.stop_after: dict[str, list[int]] = {}
        """bytes after which bodies end early, one for each GET"""
        self.hold_after: dict[str, int] = {}
        """bytes after which a body waits for `released`"""
        self.held = threading.Event()
        self.released = threading.Event()
        self.sent: list[tuple[str, int, int]] = []
        self.url = ""
        self.elsewhere = ""
        """another server, to which large files are redirected"""
        self.tokens: set[str | None] = set()
        """values of Authorization that came"""

    def num_bytes(self, name: str) -> int:
        return sum(count for sent, _, count in self.sent if sent == name)

    def etag(self, name: str) -> str:
        data = self.files[name]
        if len(data) >= LARGE:
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        name = self._name()
        self.hub.paths.add(self.path)
        self.hub.tokens.add(self.headers.get("Authorization"))
        if statuses := self.hub.head_statuses.get(name):
            return self._refuse(statuses.pop(0))
        if name not in self.hub.files:
            return self._refuse(404)
        size = len(self.hub.files[name])
        is_redirected = bool(self.hub.elsewhere) and size >= LARGE
        self.send_response(302 if is_redirected else 200)
        if is_redirected:
            self.send_header("Location", f"{self.hub.elsewhere}/{name}")
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{self.hub.etag(name)}"', "Content-Length": str(size)}
        if size >= LARGE:
            headers |= {"X-Linked-ETag": f'"{self.hub.etag(name)}"', "X-Linked-Size": str(size), "ETag": '"storage"'}
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def do_GET(self) -> None:
        name = self._name()
        self.hub.tokens.add(self.headers.get("Authorization"))
        if statuses := self.hub.statuses.get(name):
            return self._refuse(statuses.pop(0))
        if name not in self.hub.files:
            return self._refuse(404)
        data = self.hub.files[name]
        if name in self.hub.wrong:
            data = data[:-1] + bytes([data[-1] ^ 1])
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(match[1]) if match else 0
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        self._send(name, data, first)

    def _send(self, name: str, data: bytes, first: int) -> None:
        stops = self.hub.stop_after.get(name)
        end = min(len(data), first + stops.pop(0)) if stops else len(data)
        hold_at = self.hub.hold_after.get(name)
        position = first
        try:
            while position < end:
                step = min(end, position + 65536)
                if hold_at is not None and position >= hold_at:
                    self.hub.held.set()
                    self.hub.released.wait(60)
                self.wfile.write(data[position:step])
                position = step
        except OSError:
            pass  # the client was killed
        self.hub.sent.append((name, first, position - first))
        if position < len(data):
            self.close_connection = True

    def _name(self) -> str:
        return self.path.rpartition("/")[2]

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status in (401, 403, 404):
            self.send_header("X-Error-Code", self.hub.error_code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence."""


@contextmanager
def running_hub(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
