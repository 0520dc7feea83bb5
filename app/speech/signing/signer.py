"""FileSigner: puts a C2PA manifest into a file: a signed statement that a trained model made the speech."""

import io
import logging
import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

import c2pa  # pyright: ignore[reportMissingTypeStubs] - its types are partial
import msgspec

from app.audio.encoders import wav_header
from app.audio.found_credentials import STATEMENT
from app.audio.provenance import GENERATOR, TRAINED_ALGORITHMIC_MEDIA, Provenance, new_provenance
from app.audio.watched_file import WatchedFile
from app.errors import InvalidSetting
from app.speech.signing.credentials import CERT, Credentials
from app.voices.built_in import utc_now

logger = logging.getLogger(__name__)

SIGNED_TYPES = frozenset(["audio/wav", "audio/mpeg", "audio/flac", "audio/mp4"])
"""Media types of files that have a place for a manifest."""
MAX_SIGNED_BYTES = 256 * 1024 * 1024
"""Longer files stay unsigned: c2pa-python takes up to twice a file's size of memory."""
# Verifying again what was signed takes as long as signing.
_OPTIONS = '{"verify": {"verify_after_sign": false}}'


class _OneAtATime:
    """Signs files, each when the one before is signed. Raises C2paError for credentials that cannot be read."""

    def __init__(self, credentials: Credentials) -> None:
        self._turn = threading.Lock()
        self._context = c2pa.Context.from_json(_OPTIONS)
        self._signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(credentials.algorithm.encode(), credentials.chain, credentials.key, None)
        )

    def sign(self, source: Any, target: Any, media_type: str, provenance: Provenance) -> None:
        """`source` and `target` are files; c2pa-python leaves their types open. Raises C2paError."""
        with self._turn, c2pa.Builder(_manifest(provenance), context=self._context) as builder:
            builder.sign(self._signer, media_type, source, target)


class FileSigner:
    """`sign` and `sign_file` may be called on several threads. Each signs one at a time, which bounds memory, and
    neither waits for the other: the file of a book takes seconds, on a thread of low priority.

    Raises InvalidSetting where C2PA's library cannot sign with `credentials`. A certificate that has ended, and a clock
    before its begin, are no error: files stay unsigned then, and `unsigned_reason` says why. The library is tried once
    the clock is right.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        now: Callable[[], datetime] = utc_now,
        max_bytes: int = MAX_SIGNED_BYTES,
    ) -> None:
        self.source = credentials.source
        self._credentials = credentials
        self._now = now
        self._max_bytes = max_bytes
        self._is_tried = False
        self._fault: str | None = None
        self._logged: str | None = None
        try:
            # c2pa-python does not say that threads may share a signer or a context, so each kind has its own.
            self._answers, self._files = _OneAtATime(credentials), _OneAtATime(credentials)
            if self.unsigned_reason is None:
                self._sign_nothing()
        except c2pa.C2paError as error:
            raise InvalidSetting(f"{credentials.source} cannot sign files: {error}", param=CERT) from error
        if self.unsigned_reason is not None:
            self._log(self.unsigned_reason)

    @property
    def unsigned_reason(self) -> str | None:
        """Reason why nothing can be signed now; None while files are signed."""
        now, known = self._now(), self._credentials
        if now < known.not_before:
            return f"files are not signed: it is {now:%Y-%m-%d} here, and the certificate of {self.source} begins later"
        if now > known.not_after:
            return (
                f"files are not signed: the certificate of {self.source} ended on {known.not_after:%Y-%m-%d}; renew it"
            )
        return self._fault

    def sign(self, data: bytes, media_type: str, provenance: Provenance) -> bytes:
        """`data` with a manifest, or as it is where it cannot be signed; the reason is logged once. Blocking."""
        if not self._can_sign(media_type, len(data)):
            return data
        signed = io.BytesIO()
        return signed.getvalue() if self._try(self._answers, io.BytesIO(data), signed, media_type, provenance) else data

    def sign_file(self, source: BinaryIO, target: BinaryIO, media_type: str, provenance: Provenance) -> None:
        """Write all of `source` to the empty `target`, with a manifest where it can be signed. Blocking.

        Both can be sought in, and `target` also read. Raises OSError where `target` cannot be written.
        """
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        watched = WatchedFile(target)
        if self._can_sign(media_type, size):
            if self._try(self._files, source, watched, media_type, provenance):
                return
            watched.raise_error()
            source.seek(0)
            target.seek(0)
            target.truncate()
        shutil.copyfileobj(source, target)

    def _can_sign(self, media_type: str, num_bytes: int) -> bool:
        if media_type not in SIGNED_TYPES:
            return False
        if self.unsigned_reason is None and not self._is_tried:  # the clock was wrong at the start
            try:
                self._sign_nothing()
            except c2pa.C2paError as error:
                self._fault = f"files are not signed: {self.source} cannot sign files: {error}"
        reason = self.unsigned_reason
        if reason is None and num_bytes > self._max_bytes:
            reason = f"files of more than {self._max_bytes >> 20} MiB are not signed"
        if reason is not None:
            self._log(reason)
        return reason is None

    def _sign_nothing(self) -> None:
        """Sign an empty file. Raises C2paError for credentials that cannot sign."""
        trial = new_provenance(is_cloned=False, now=self._now())
        self._is_tried = True
        self._answers.sign(io.BytesIO(wav_header(0, 24_000)), io.BytesIO(), "audio/wav", trial)

    def _try(self, turns: _OneAtATime, source: Any, target: Any, media_type: str, provenance: Provenance) -> bool:
        try:
            turns.sign(source, target, media_type, provenance)
        except c2pa.C2paError as error:
            self._log(f"a file could not be signed: {error}")
            return False
        return True

    def _log(self, reason: str) -> None:
        """Once for each reason in a row: a server with an expired certificate would log it for every answer."""
        if reason != self._logged:
            self._logged = reason
            logger.error("%s", reason)


def _manifest(provenance: Provenance) -> dict[str, Any]:
    name, _, version = GENERATOR.partition(" ")
    agent = {"name": name, "version": version}
    action = {
        "action": "c2pa.created",
        "digitalSourceType": TRAINED_ALGORITHMIC_MEDIA,
        "softwareAgent": agent,
        "parameters": {STATEMENT: msgspec.to_builtins(provenance)},
    }
    return {
        "claim_generator_info": [agent],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
