"""Weights from the hub: complete and verified in their place, or not there at all.

A file is `<file>.part` in a folder beside the final one until its hash is that of the hub's metadata, and an
interrupted download goes on from it. The converted model is renamed into its place last. A second process waits at a
lock file.
"""

import errno
import hashlib
import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from app.engine.base import Check, unchecked
from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import (
    CONFIG,
    ORIGINAL_SPEAKERS,
    PINNED_REVISIONS,
    PUBLISHED_FILES,
    PUBLISHED_RECORDINGS,
    UNPINNED,
    folder_of,
    installed_folder,
    is_converted,
    is_folder,
)
from app.engine.xtts.config import read_config
from app.errors import ChorusError, DownloadFailed, EngineUnavailable, LicenceNotAccepted, UnusableCheckpoint
from app.settings import Settings

Report = Callable[[str], None]
T = TypeVar("T")

LICENCE = "Coqui Public Model License (non-commercial, https://coqui.ai/cpml)"
NUM_TRIES = 4
SPACE_NEEDED = 2.3
"""Times the size on the hub: the download and its conversion exist side by side."""
GB = 1e9


class RemoteFile(msgspec.Struct, frozen=True):
    name: str
    url: str
    size: int
    """bytes"""
    etag: str
    """sha256 of a large file, git's sha1 of a small one"""
    is_elsewhere: bool
    """True if another host serves it: the hub's token must not go there"""


def download_model(
    settings: Settings, *, report: Report, sleep: Callable[[float], None] = time.sleep, check: Check = unchecked
) -> Path:
    """Fetch, verify and convert the model of the settings, unless it is there. Blocking; returns its folder.

    `check` raises a ChorusError to give up: between files, blocks, tries and steps of the conversion. The next call
    goes on from the files that have come.

    Raises LicenceNotAccepted, DownloadFailed, UnusableCheckpoint, or EngineUnavailable without the hub's library.
    """
    model = settings.model
    if is_folder(model):
        check_folder(folder_of(model, settings.data))
        report(f"{model} is a folder with a checkpoint: there is nothing to download")
        return folder_of(model, settings.data)
    revision = PINNED_REVISIONS.get(model, UNPINNED)
    final = installed_folder(settings.data, model, revision)
    if is_converted(final):
        report(f"{model} is already in {final}")
        return final
    if not settings.accept_cpml:
        raise LicenceNotAccepted(
            f"{model} is under the {LICENCE}, which is yours to accept: set CHORUS_ACCEPT_CPML=1 and run this again",
            param="CHORUS_ACCEPT_CPML",
        )
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise EngineUnavailable(
            "downloading needs more than the light installation: pip install 'chorus-tts-server[xtts]'"
        ) from error
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(final.with_name(f".{revision}.lock"))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            report("another process is downloading this model; waiting for it")
            lock.acquire()
        try:
            if not is_converted(final):
                _install(model, revision, final, report, sleep, check)
        finally:
            lock.release()
    except OSError as error:
        raise _explained(error, "the model could not be written") from error
    report(f"{model} is in {final}")
    return final


def _install(
    model: str, revision: str, final: Path, report: Report, sleep: Callable[[float], None], check: Check
) -> None:
    partial = final.with_name(f".{revision}.partial")
    partial.mkdir(exist_ok=True)
    files = [file for name in PUBLISHED_FILES if (file := _look_up(model, revision, name, sleep)) is not None]
    recordings = (_look_up(model, revision, name, sleep) for name in PUBLISHED_RECORDINGS)
    if recording := next((file for file in recordings if file is not None), None):
        files.append(recording)
    _check_space(files, partial)
    for file in files:
        check()
        _fetch(file, partial, report, sleep, check)
        if file.name == CONFIG:
            _check_config(partial, model)
    report("converting to the form that loads at once")
    staging = final.with_name(f".{revision}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    from app.engine.xtts.checkpoint.convert import convert_checkpoint  # imports torch

    try:
        convert_checkpoint(partial, staging, model=model, revision=revision, check=check)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(
            f"{error.message}. The files are as the hub has them, and another try does not download them again: "
            "name another model in CHORUS_MODEL, or report this line; "
            f"remove {partial} to free {_size_of(partial) / GB:.1f} GB",
            param=error.param,
        ) from error
    finally:
        if not is_converted(staging):
            shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(final, ignore_errors=True)
    staging.replace(final)
    shutil.rmtree(partial)


def _check_config(folder: Path, model: str) -> None:
    """Refuse an unusable model before its weights are fetched."""
    try:
        read_config(folder)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(
            f"{error.message}. {model} cannot be served, and its weights were not fetched: name another model in "
            "CHORUS_MODEL",
            param=error.param,
        ) from error


def _look_up(model: str, revision: str, name: str, sleep: Callable[[float], None]) -> RemoteFile | None:
    """Metadata of a file; None for speakers and recordings that are not there."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import RemoteEntryNotFoundError

    url = hf_hub_url(model, name, revision=revision)
    try:
        metadata = _with_retries(lambda: get_hf_file_metadata(url), f"{model}: {name}", sleep)
    except DownloadFailed as error:
        is_optional = name in (ORIGINAL_SPEAKERS, *PUBLISHED_RECORDINGS)
        if is_optional and isinstance(error.__cause__, RemoteEntryNotFoundError):
            return None
        raise
    if metadata.size is None or metadata.etag is None:
        raise DownloadFailed(f"{url} does not say its size and hash, so what comes from there cannot be verified")
    is_elsewhere = urlsplit(metadata.location).netloc != urlsplit(url).netloc
    return RemoteFile(name, metadata.location, metadata.size, metadata.etag, is_elsewhere)


def _check_space(files: list[RemoteFile], folder: Path) -> None:
    needed = sum(file.size for file in files) * SPACE_NEEDED - _size_of(folder)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadFailed(
            f"{needed / GB:.1f} GB of disk space are needed in {folder.parent} and {free / GB:.1f} GB are free; "
            "make room, or give another folder in CHORUS_DATA"
        )


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


class _CheckedFile(io.BufferedWriter):
    """Calls `check` before each block is written: ten MiB, from the hub's library."""

    def __init__(self, path: Path, check: Check) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._check = check

    def write(self, data: Any, /) -> int:  # Any: the buffer protocol has no type before Python 3.12
        self._check()
        return super().write(data)


def _fetch(file: RemoteFile, folder: Path, report: Report, sleep: Callable[[float], None], check: Check) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    path, part = folder / file.name, folder / f"{file.name}.part"
    if path.is_file() and _hash_of(path, file) == file.etag:
        return
    if part.is_file() and part.stat().st_size > file.size:
        part.unlink()

    def get() -> None:
        check()
        with _CheckedFile(part, check) as target:
            # Continues a broken connection by itself; `_with_retries` is for answers of the server.
            http_get(
                file.url,
                target,
                resume_size=target.tell(),
                expected_size=file.size,
                headers=build_hf_headers(token=False if file.is_elsewhere else None),
                displayed_filename=file.name,
            )

    report(f"{file.name}: {file.size / GB:.2f} GB" if file.size > GB / 100 else file.name)
    _with_retries(get, file.name, sleep)
    if _hash_of(part, file) != file.etag:
        part.unlink()
        raise DownloadFailed(f"{file.name} is not what the hub says it should be; it was removed, try again")
    part.replace(path)


def _hash_of(path: Path, file: RemoteFile) -> str:
    """sha256, or git's sha1 where the hub gave that."""
    is_sha256 = len(file.etag) == 64
    digest = hashlib.sha256() if is_sha256 else hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _with_retries(act: Callable[[], T], what: str, sleep: Callable[[float], None]) -> T:
    """Try again, later each time, after a server's or a connection's failure."""
    for attempt in range(1, NUM_TRIES + 1):
        try:
            return act()
        except ChorusError:  # given up
            raise
        except Exception as error:  # the library raises errors of three packages; the cases below tell them apart
            failure = _explained(error, what)
            if attempt == NUM_TRIES or not _may_pass(error):
                raise failure from error
            sleep(2.0 ** (attempt - 1))
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    status = _status_of(error)
    return status >= 500 if status is not None else getattr(error, "errno", None) is None


def _status_of(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _explained(error: Exception, what: str) -> DownloadFailed:
    status = _status_of(error)
    if isinstance(error, DownloadFailed):
        return error
    if status in (401, 403):
        return DownloadFailed(f"{what}: the hub refuses ({status}); a private model needs HF_TOKEN")
    if status == 404:
        return DownloadFailed(f"{what}: the hub does not have it (404); check CHORUS_MODEL")
    if status is not None:
        return DownloadFailed(f"{what}: the hub answers {status}; try again later, it goes on from where it was")
    if getattr(error, "errno", None) == errno.ENOSPC:
        return DownloadFailed(f"{what}: the disk is full; make room and try again, it goes on from where it was")
    reason = (str(error).splitlines() or [repr(error)])[0]
    return DownloadFailed(f"{what}: {reason}; try again, it goes on from where it was")
