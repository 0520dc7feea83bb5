"""Bounds of a voice's manifest, at their values."""

import msgspec
import pytest

from app.voices.manifest import Consent, Sha256, VoiceName


@pytest.mark.parametrize(
    ("kind", "fits", "too_much"),
    [
        (VoiceName, "a" * 80, "a" * 81),
        (VoiceName, "a", ""),
        (Consent, "c" * 1000, "c" * 1001),
        (Consent, "c" * 10, "c" * 9),
        (Sha256, "0" * 64, "0" * 65),
    ],
)
def test_a_text_is_taken_up_to_its_bound_and_refused_beyond_it(kind: object, fits: str, too_much: str) -> None:
    assert msgspec.convert(fits, kind) == fits
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(too_much, kind)
