"""The FileSigner of a process, by its settings."""

from typing import TYPE_CHECKING

from app.errors import InvalidSetting
from app.settings import Settings

SELF_MADE = "c2pa.pem"
"""Self-made key and certificates, below CHORUS_DATA."""

if TYPE_CHECKING:
    from app.speech.signing.signer import FileSigner


def makes_certificate(settings: Settings) -> bool:
    """True where `open_signer` may write a self-made certificate."""
    return "c2pa" in settings.marks.in_force and not settings.c2pa_cert and not settings.c2pa_key


def open_signer(settings: Settings, *, keeps: bool = True) -> "FileSigner | None":
    """None where CHORUS_MARKS has no `c2pa`. Blocking: makes a certificate where there is none, and `keeps` it.

    Raises InvalidSetting for a certificate or key that cannot sign, and for one that nothing here can sign with.
    """
    if "c2pa" not in settings.marks.in_force:
        if "auto" in settings.marks.named and (settings.c2pa_cert or settings.c2pa_key):
            raise InvalidSetting(
                "a certificate or key is set, and what signs with it is missing: `make c2pa`, "
                "or pip install 'chorus-tts-server[c2pa]'",
                param="CHORUS_C2PA_CERT",
            )
        return None
    try:
        from app.speech.signing.credentials import load_credentials
        from app.speech.signing.signer import FileSigner
    except (ImportError, OSError, RuntimeError) as error:  # its library does not fit this system
        raise InvalidSetting(
            f"c2pa-python cannot be loaded ({error}): install it again, or set CHORUS_MARKS=metadata",
            param="CHORUS_MARKS",
        ) from error
    return FileSigner(load_credentials(settings, settings.data / SELF_MADE, keeps=keeps))
