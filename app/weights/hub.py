"""Files of one model on the hub, each verified by the hash that the hub gives.

A file is `<file>.part` until its hash fits, and an interrupted download goes on from it. huggingface_hub is imported
when a file is looked up: the light environment lacks it.
"""

import errno
import hashlib
import io
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from app.errors import ChorusError, DownloadFailed
from app.startup import Check, unchecked

Report = Callable[[str], None]
"""Takes one line for the operator."""
T = TypeVar("T")

NUM_TRIES = 4
GB = 1e9
GO_ON = "it goes on from where it was"


class RemoteFile(msgspec.Struct, frozen=True):
    name: str
    url: str
    size: int
    """bytes"""
    etag: str
    """sha256 of a large file, git's sha1 of a small one"""
    is_elsewhere: bool
    """True if another host serves it: the hub's token must not go there"""


class HubModel:
    """A revision of a model on the hub. Blocking.

    setting   names the model, in messages
    check     raises a ChorusError to give up: before each file, between blocks and between tries

    Methods raise DownloadFailed.
    """

    def __init__(
        self,
        model: str,
        revision: str,
        *,
        setting: str,
        report: Report,
        sleep: Callable[[float], None] = time.sleep,
        check: Check = unchecked,
    ) -> None:
        self._model = model
        self._revision = revision
        self._setting = setting
        self._report = report
        self._sleep = sleep
        self._check = check

    def find(self, name: str) -> RemoteFile | None:
        """Metadata of a file; None where the model is there and has no such file."""
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            return self.look_up(name)
        except DownloadFailed as error:
            if isinstance(error.__cause__, RemoteEntryNotFoundError):
                return None
            raise

    def look_up(self, name: str) -> RemoteFile:
        """Metadata of a file."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(self._model, name, revision=self._revision)
        metadata = self._with_retries(lambda: get_hf_file_metadata(url), f"{self._model}: {name}")
        if metadata.size is None or metadata.etag is None:
            raise DownloadFailed(f"{url} does not say its size and hash, so what comes from there cannot be verified")
        is_elsewhere = urlsplit(metadata.location).netloc != urlsplit(url).netloc
        return RemoteFile(name, metadata.location, metadata.size, metadata.etag, is_elsewhere)

    def fetch(self, file: RemoteFile, folder: Path) -> None:
        """Bring a file to `folder`, unless it is there. A file with another hash than the hub's is removed."""
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        self._check()
        path, part = folder / file.name, folder / f"{file.name}.part"
        if path.is_file() and _hash_of(path, file) == file.etag:
            return
        if part.is_file() and part.stat().st_size > file.size:
            part.unlink()

        def get() -> None:
            self._check()
            with _CheckedFile(part, self._check) as target:
                # Continues a broken connection by itself; `_with_retries` is for answers of the server.
                http_get(
                    file.url,
                    target,
                    resume_size=target.tell(),
                    expected_size=file.size,
                    headers=build_hf_headers(token=False if file.is_elsewhere else None),
                    displayed_filename=file.name,
                )

        self._report(f"{file.name}: {file.size / GB:.2f} GB" if file.size > GB / 100 else file.name)
        self._with_retries(get, file.name)
        if _hash_of(part, file) != file.etag:
            part.unlink()
            raise DownloadFailed(f"{file.name} is not what the hub says it should be; it was removed, try again")
        part.replace(path)

    def _with_retries(self, act: Callable[[], T], what: str) -> T:
        """Try again, later each time, after a server's or a connection's failure."""
        for attempt in range(1, NUM_TRIES + 1):
            try:
                return act()
            except ChorusError:  # given up
                raise
            except Exception as error:  # the library raises errors of three packages; `explained` tells them apart
                failure = self._explained(error, what)
                if attempt == NUM_TRIES or not _may_pass(error):
                    raise failure from error
                self._sleep(2.0 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _explained(self, error: Exception, what: str) -> DownloadFailed:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if status is None:
            from huggingface_hub.constants import ENDPOINT

            is_of_disk = getattr(error, "errno", None) is not None
            return explained(error, what if is_of_disk else f"{what}: no complete answer from {ENDPOINT}")
        if status in (401, 403):
            if response is not None and response.headers.get("X-Error-Code") == "GatedRepo":
                return DownloadFailed(
                    f"{what}: the hub refuses ({status}), because this model has terms: accept them on its page with "
                    "an account, and set HF_TOKEN to a token of that account"
                )
            return DownloadFailed(
                f"{what}: the hub refuses ({status}): check the name in {self._setting}; a private model needs HF_TOKEN"
            )
        if status == 404:
            return DownloadFailed(f"{what}: the hub does not have it (404); check {self._setting}")
        return DownloadFailed(f"{what}: the hub answers {status}; try again later, {GO_ON}")


def explained(error: Exception, what: str) -> DownloadFailed:
    """A failure of the disk or of the connection as one line."""
    if getattr(error, "errno", None) == errno.ENOSPC:
        return DownloadFailed(f"{what}: the disk is full; make room and try again, {GO_ON}")
    reason = (str(error).splitlines() or [repr(error)])[0]
    return DownloadFailed(f"{what}: {reason}; try again, {GO_ON}")


def check_space(files: Iterable[RemoteFile], folder: Path, *, factor: float) -> None:
    """Raises DownloadFailed where the disk of `folder` has no room for `factor` times the size of the files."""
    needed = sum(file.size for file in files) * factor - size_of(folder)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadFailed(
            f"{needed / GB:.1f} GB of disk space are needed in {folder.parent} and {free / GB:.1f} GB are free; "
            "make room, or give another folder in CHORUS_DATA"
        )


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder, without those below it."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


class _CheckedFile(io.BufferedWriter):
    """Calls `check` before each block is written: ten MiB, from the hub's library."""

    def __init__(self, path: Path, check: Check) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._check = check

    def write(self, data: Any, /) -> int:  # Any: the buffer protocol has no type before Python 3.12
        self._check()
        return super().write(data)


def _hash_of(path: Path, file: RemoteFile) -> str:
    """sha256, or git's sha1 where the hub gave that."""
    is_sha256 = len(file.etag) == 64
    digest = hashlib.sha256() if is_sha256 else hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _may_pass(error: Exception) -> bool:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status >= 500 if status is not None else getattr(error, "errno", None) is None
