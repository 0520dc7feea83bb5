"""C2PA content credentials found in a file of anybody: who signed it, and whether it has changed since.

The bytes come from strangers, so the server calls this in a child process (app/isolation). Nothing is fetched: neither
manifests that a file names by address nor the state of certificates.
"""

import importlib.util
from typing import Any, BinaryIO, Literal

import msgspec

from app.audio.provenance import Provenance

STATEMENT = "chorus.statement"
"""Parameter of the action `c2pa.created` that holds the provenance."""
BOX = b"jumb"
"""Each manifest store begins with a box of this type."""
HOW_TO_INSTALL = "content credentials are not read: this needs `make c2pa`"
MAX_VALUE_CHARS = 300
"""Characters that are kept of a value."""
MAX_FAULTS = 8
BLOCK_BYTES = 1 << 20
_MEDIA_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mov,mp4,m4a,3gp,3g2,mj2": "audio/mp4",
}
"""FFmpeg's names of formats; c2pa-python finds out the others."""
_UNTRUSTED = "signingCredential.untrusted"
"""Reported for every signer, because no list of trusted authorities is loaded."""
_OPTIONS = '{"verify": {"remote_manifest_fetch": false, "ocsp_fetch": false}}'


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The signature of content credentials. No authority is asked whether the signer is who it says."""

    status: Literal["intact", "broken", "unread"]
    """`intact`: the file is as it was signed; `broken`: it was changed, or its credentials are damaged; `unread`: the
    package that reads them is not installed"""
    signer: str | None = None
    """organisation and name in the certificate"""
    faults: tuple[str, ...] = ()
    """codes of C2PA, or a message"""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    signature: Signature
    digital_source_type: str | None = None
    statement: Provenance | None = None


class _Code(msgspec.Struct):
    code: str


class _Results(msgspec.Struct):
    success: list[_Code] = []
    failure: list[_Code] = []


class _Validation(msgspec.Struct):
    active: _Results = msgspec.field(default_factory=_Results, name="activeManifest")


class _Signer(msgspec.Struct):
    issuer: str | None = None
    common_name: str | None = None


class _Assertion(msgspec.Struct):
    label: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Manifest(msgspec.Struct):
    assertions: list[_Assertion] = []
    signature_info: _Signer | None = None


class _Store(msgspec.Struct):
    active_manifest: str
    manifests: dict[str, _Manifest]
    validation_results: _Validation = msgspec.field(default_factory=_Validation)


class _Action(msgspec.Struct):
    digital_source_type: str | None = msgspec.field(default=None, name="digitalSourceType")
    parameters: dict[str, msgspec.Raw] = {}


class _Actions(msgspec.Struct):
    actions: list[_Action] = []


def find_credentials(file: BinaryIO, container: str) -> Credentials | None:
    """The newest credentials in `file`, which can be sought in; None without any. Blocking.

    container   FFmpeg's name of the format
    """
    if not _holds(file, BOX):
        return None
    if importlib.util.find_spec("c2pa") is None:
        return Credentials(signature=Signature(status="unread", faults=(HOW_TO_INSTALL,)))
    try:
        import c2pa  # pyright: ignore[reportMissingTypeStubs] - its types are partial
    except (ImportError, OSError, RuntimeError) as error:  # its library does not fit this system
        return Credentials(signature=Signature(status="unread", faults=(plain(f"c2pa-python fails: {error}"),)))

    file.seek(0)
    try:
        stream: Any = file  # Any: c2pa-python takes whatever can be read and sought in
        with (
            c2pa.Context.from_json(_OPTIONS) as context,
            c2pa.Reader(_MEDIA_TYPES.get(container), stream, context=context) as reader,
        ):
            told = reader.json()
    except c2pa.C2paError as error:
        if str(error).startswith(("ManifestNotFound", "NotSupported")):  # in the other formats it is a word of a text
            return None
        return Credentials(signature=Signature(status="broken", faults=(plain(str(error)),)))
    try:
        return _read(msgspec.json.decode(told, type=_Store))
    except (msgspec.MsgspecError, KeyError, RecursionError) as error:
        return Credentials(signature=Signature(status="broken", faults=(plain(repr(error)),)))


def plain(text: str) -> str:
    """At most MAX_VALUE_CHARS printable characters: a terminal shows them as they are."""
    return "".join(char for char in text[:MAX_VALUE_CHARS] if char.isprintable())


def plain_statement(statement: Provenance) -> Provenance:
    return msgspec.structs.replace(
        statement,
        digital_source_type=plain(statement.digital_source_type),
        generator=plain(statement.generator),
        date=_plain_or_none(statement.date),
        request=_plain_or_none(statement.request),
        server=_plain_or_none(statement.server),
    )


def _read(store: _Store) -> Credentials:
    """Raises KeyError and MsgspecError for a report that is not as expected."""
    manifest, results = store.manifests[store.active_manifest], store.validation_results.active
    faults = tuple(dict.fromkeys(plain(each.code) for each in results.failure if each.code != _UNTRUSTED))
    is_signed = any(each.code == "claimSignature.validated" for each in results.success)
    source_type, statement = None, None
    for assertion in manifest.assertions:
        if assertion.label.startswith("c2pa.actions"):
            for action in msgspec.json.decode(assertion.data, type=_Actions).actions:
                source_type = source_type or action.digital_source_type
                statement = statement or _statement(action)
    signer = manifest.signature_info or _Signer()
    named = ", ".join(name for name in (signer.issuer, signer.common_name) if name)
    return Credentials(
        signature=Signature(
            status="intact" if is_signed and not faults else "broken",
            signer=plain(named) or None,
            faults=faults[:MAX_FAULTS],
        ),
        digital_source_type=_plain_or_none(source_type),
        statement=statement,
    )


def _statement(action: _Action) -> Provenance | None:
    if STATEMENT not in action.parameters:
        return None
    try:
        return plain_statement(msgspec.json.decode(action.parameters[STATEMENT], type=Provenance))
    except msgspec.MsgspecError:
        return None


def _holds(file: BinaryIO, needle: bytes) -> bool:
    file.seek(0)
    tail = b""
    while block := file.read(BLOCK_BYTES):
        if needle in tail + block:
            return True
        tail = block[1 - len(needle) :]
    return False


def _plain_or_none(text: str | None) -> str | None:
    return None if text is None else plain(text)
