"""Spaces are no errors, letters are."""

from tests.support.compounds import as_written


def test_words_apart_or_together_are_written_as_expected() -> None:
    assert (
        as_written("has any one come to day said he", "has anyone come today said he")
        == "has any one come to day said he"
    )
    assert as_written("the teatime bell", "the tea time bell") == "the teatime bell"


def test_other_letters_and_missing_words_stay() -> None:
    for heard in (
        "has any come to day",
        "has anyhow come to day",
        "has come to day",
        "has any one else come to day",
        "",
    ):
        assert as_written("has any one come to day", heard) == heard
