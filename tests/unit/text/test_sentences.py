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
        "Der Turm steht auf 48° 51′ n. Br. und 2° ö. L. mitten in Paris.",
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
SIBLINGS = {
    "pt": [
        "Consulte a pág. 12 do manual que recebeu ontem.",
        "Custou aprox. 200 reais na loja da esquina.",
        "Leia o cap. 3 antes da aula de amanhã.",
        "O Dr. João mora na R. das Flores há anos.",
    ],
    "pl": [
        "Zobacz na str. 15 tej samej książki o Krakowie.",
        "Mieszka przy ul. Długiej 5 w centrum miasta.",
        "Było tam ok. 200 osób z całego kraju wtedy.",
    ],
    "hu": [
        "Kb. 200 ember volt ott a múlt héten este.",
        "Az épület pl. a múlt században készült el.",
        "Kovács dr. és Nagy úr is eljött a gyűlésre.",
    ],
    "nl": [
        "Hij woont o.a. in Den Haag en in Utrecht nu.",
        "Dat kost ca. 50 euro per persoon per dag hier.",
    ],
    "tr": [
        "Toplantıya Prof. Dr. Ahmet Yılmaz da katıldı dün.",
        "Atatürk Cad. No. 5 adresinde oturuyor yıllardır.",
    ],
    "de": [
        "Er wohnt in der Goethestr. 5 in München.",
        "Vgl. S. 12 des Buches, das ich Ihnen gab.",
        "Sie kam am Mo. 5. Mai in die Stadt.",
    ],
    "fr": [
        "L'av. J.-C. est une abréviation très courante ici.",
        "Le bd. Saint-Michel est fermé depuis hier soir.",
        "Voir p. 12 et suiv. de cet ouvrage ancien.",
    ],
    "es": [
        "El Sr. García y la Sra. López viven aquí.",
        "Véase la pág. 12 del libro que le di.",
    ],
    "ru": [
        "Там было ок. 200 человек из разных городов.",
        "Он родился в г. Москве в прошлом веке.",
        "Проф. Иванов и акад. Петров приехали вчера вечером.",
    ],
    "en": [
        "Approx. 200 people were in the hall.",
        "He met Gen. Grant and Sen. Smith in the hall.",
        "See p. 12 and pp. 15 to 20 of the book.",
        "The U.S. Army arrived at 5 p.m. on Monday.",
    ],
    "it": [
        "Il sig. Rossi e la sig.ra Bianchi sono arrivati.",
        "Abita in v. Roma n. 5 da molti anni.",
    ],
    "cs": [
        "Bylo tam cca. 200 lidí z celé republiky.",
        "Pan Ing. Novák a Mgr. Svoboda přišli pozdě.",
    ],
}
TWO = {
    "en": ["I take vitamin C. Then I sleep well.", "He bought milk, eggs, etc. Then he left."],
    "de": ["Das ist Kapitel 3. Der Anfang ist gut.", "Er kam um 10. Dann ging er."],
    "pl": ["To było w 1985 r. Potem wyjechał."],
    "fr": ["Il a 5 ans. Il court vite."],
    "hu": ["Ez a fejezet 3. Az eleje jó."],
}


@pytest.mark.parametrize(
    ("language", "text"),
    [(code, text) for table in (ONE, SIBLINGS) for code, texts in table.items() for text in texts],
)
def test_an_abbreviation_or_an_ordinal_figure_ends_no_sentence(language: str, text: str) -> None:
    assert split_sentences(text, language) == [text]


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in TWO.items() for text in texts])
def test_a_sentence_ends_where_the_next_one_begins(language: str, text: str) -> None:
    assert len(split_sentences(text, language)) == 2
