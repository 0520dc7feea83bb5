"""Texts with written forms of a language: those of its table and its grammar, with anything between them."""

from pathlib import Path

from hypothesis import strategies as st

from app.text.normalization import normalizer

CASES = Path(__file__).parent / "cases"
SIGNS = "€$£¥₹%‰°²³½¾№§&@#*+=<>/\\|_-–—−~^'’\"()[]{},.;:!?…×÷±√"
FORMS = (
    "12 3. 1st IV XX. km kg m² Kč TL zł p.m. Uhr e ª º www. a.b ٢٥ २५ １２ ② ₂ ² ⅐ Ⅻ 𝟙 月 年 원 号 "
    "Mai мая май Март ocak 1990 2024 0 00 000 5 3,5 3.5 1,000 1.000 10:30 a.m. http:// x@y.com EUR "
    "USD Mio. mln th er -го 's h min 3/4 No. p. +49 6'2\" 5'30 12\" 48°51' 24″ 5′ 40°N N ½\" 45'+2"
)  # fmt: skip


def table(language: str) -> list[str]:
    """The written forms of the table of a language."""
    lines = (CASES / f"{language}.tsv").read_text("utf-8").splitlines()
    return [line.split("\t")[1] for line in lines if line[:1] not in ("", "#")]


def texts(language: str) -> st.SearchStrategy[str]:
    """Texts of up to eight pieces that touch or have a blank between them."""
    found = normalizer(language)
    assert found is not None
    grammar = found.grammar
    own = [*grammar.abbreviations, *grammar.numbered, *grammar.units, *grammar.magnitudes, *grammar.currency_signs]
    pieces = st.one_of(
        st.sampled_from(table(language)),
        st.sampled_from(FORMS.split()),
        st.sampled_from([*own, *grammar.signs]),
        st.integers(0, 10**7).map(str),
        st.sampled_from([*SIGNS, " ", " ", " ", "\u00a0", "\u202f"]),
    )
    return st.lists(pieces, max_size=8).map("".join)
