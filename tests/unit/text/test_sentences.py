"""Abbreviations and ordinal figures end no sentence; a capital letter behind some of them begins the next one."""

import pytest

from app.text.sentences import split_sentences

ONE = {
    "pt": ["Ela mora perto da Av. Paulista desde o ano passado.", "Veja a pág. 12 do livro que eu trouxe."],
    "pl": ["Mieszkał tam przed wojną do 1985 r. i potem wyjechał.", "To jest inż. Kowalski z Krakowa."],
    "hu": [
        "Ez a ház a 19. században épült a folyó mellett.",
        "A könyv második kiadása 2024. május 3. napján jelent meg.",
    ],
    "nl": ["De vergadering was gepland op 3 jan. 2020 in de stad.", "Zie afb. 4 op de volgende bladzijde."],
    "tr": ["Meyve ve sebze çok iyidir, örn. elma ve armut.", "Ayrıntılar için bkz. Bölüm 3 ve sonrası."],
    "de": [
        "Das Buch erschien im 1. Halbjahr in Berlin.",
        "Der Preis ist inkl. Mehrwertsteuer zu zahlen.",
        "Am 20. März 1905 kam er an.",
        "Das kostet z. B. 5 Euro mehr.",
    ],
    "fr": ["Il habite au no. 5 de cette rue depuis un an.", "Il y avait env. 200 personnes dans la salle."],
    "es": ["El precio medio es de aprox. 5 euros por día.", "Las FF. AA. de este país son pequeñas."],
    "ru": ["Он жил там до войны, т. е. до 1941 г. включительно.", "Это видно на рис. 5 в книге."],
    "en": [
        "We drove all the way down to Ft. Worth last night.",
        "The other good editions are in vol. 4 of the set.",
        "Mr. Smith met Dr. Jones in St. Louis yesterday.",
    ],
    "it": ["Si veda a pag. 12 del libro che ho portato."],
    "cs": ["Viz str. 5 této knihy o Praze.", "Bydlí na nám. Míru v Praze."],
}
TWO = {
    "en": ["I take vitamin C. Then I sleep well.", "He bought milk, eggs, etc. Then he left."],
    "de": ["Das ist Kapitel 3. Der Anfang ist gut.", "Er kam um 10. Dann ging er."],
    "pl": ["To było w 1985 r. Potem wyjechał."],
    "fr": ["Il a 5 ans. Il court vite."],
    "hu": ["Ez a fejezet 3. Az eleje jó."],
}


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in ONE.items() for text in texts])
def test_an_abbreviation_or_an_ordinal_figure_ends_no_sentence(language: str, text: str) -> None:
    assert split_sentences(text, language) == [text]


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in TWO.items() for text in texts])
def test_a_sentence_ends_where_the_next_one_begins(language: str, text: str) -> None:
    assert len(split_sentences(text, language)) == 2
