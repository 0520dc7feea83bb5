"""Inputs that users reported: the spoken words, or a text that must be read in the same way."""

import pytest

from app.text.normalization import MODULES, normalizer, spoken
from app.text.normalization.quantities import CURRENCIES

READ_AS = [
    ("de", "Seite 3", "Seite drei"),
    ("de", "Kapitel 12", "Kapitel zwölf"),
    ("de", "Ich bin 42.", "Ich bin zweiundvierzig."),
    ("hu", "Fejezet 3.", "Fejezet három."),
    ("pl", "Odległość 5 m.", "Odległość pięć metrów."),
    ("tr", "Oda 12.", "Oda on iki."),
    ("tr", "Oda 12", "Oda on iki"),
    ("tr", "Fiyat $10", "Fiyat on dolar"),
    ("hu", "Fejezet 3", "Fejezet három"),
    ("hu", "Vitamin B", "Vitamin B"),
    ("tr", "Vitamin B", "Vitamin B"),
    ("en", "The snake is 5 ft", "The snake is five feet"),
    ("en", "He lives on Main St", "He lives on Main street"),
    ("en", "Made by Acme Co", "Made by Acme Co"),
    ("en", "It was Gen", "It was Gen"),
    ("de", "Es war Fr", "Es war Fr"),
    ("de", "am St", "am St"),
    ("it", "Il Sig", "Il Sig"),
    ("pl", "Odległość 5 m", "Odległość pięć metrów"),
    ("pl", "Strona 3 p", "Strona trzy p"),
    ("cs", "strana p", "strana p"),
    ("ar", "الخصم ٥٠٪ اليوم.", "الخصم خمسون في المائة اليوم."),
    ("fr", "Rendez-vous à 17h30.", "Rendez-vous à dix-sept heures trente."),
    ("fr", "n° 5", "numéro cinq"),
    ("cs", "Sejdeme se 1. května.", "Sejdeme se prvního května."),
    ("hi", "मैं 25 साल का हूँ।", "मैं पच्चीस साल का हूँ।"),
    ("en", "It costs $5.3 billion.", "It costs five point three billion dollars."),
    ("en", "A 16GB stick.", "A sixteen gigabytes stick."),
    ("en", "24h", "twenty four hours"),
    ("en", "100m", "one hundred meters"),
    ("en", "5k", "five thousand"),
    ("es", "1.º", "primero"),
    ("en", "in 1995", "in nineteen ninety five"),
    ("en", "the 1980s", "the nineteen eighties"),
    ("en", "𝓗𝓲 𝓽𝓱𝓮𝓻𝓮 my friend.", "Hi there my friend."),
    ("en", "ＡＢＣ and more.", "ABC and more."),
    ("en", "One more eﬀort now.", "One more effort now."),
    ("en", "ＡＢＣ.", "ABC."),
    ("nl", "ĳs", "ijs"),
    ("ar", "ﻣﺮﺣﺒﺎ", "مرحبا"),
    ("it", "20°C", "venti gradi Celsius"),
    ("ar", "درجة الحرارة 20.5 مئوية.", "درجة الحرارة عشرون وخمسة من عشرة مئوية."),
    ("ar", "12,5%", "اثنا عشر وخمسة من عشرة في المائة"),
    ("ar", "12,500", "اثنا عشر ألف وخمس مئة"),
    ("ko", "12,500,000", "천이백오십만"),
    ("zh-cn", "价格$3.50。", "价格三点五零美元。"),
    ("zh-cn", "目前精度已经提升到55%，tps下降了5%。", "目前精度已经提升到百分之五十五，tps下降了百分之五。"),
    ("zh-cn", "今天是2025年。", "今天是二零二五年。"),
    ("zh-cn", "今天是Monday。", "今天是Monday。"),
    ("zh-cn", "共12,500元。", "共一万二千五百元。"),
    ("cs", "8.", "osm."),
    ("cs", "20.3 °C", "dvacet celých tři desetiny stupně Celsia"),
    ("hi", "8", "आठ"),
    ("de", "22,1 °C bei 45 %", "zweiundzwanzig Komma eins Grad Celsius bei fünfundvierzig Prozent"),
    ("de", "Es hat 20.5 °C.", "Es hat zwanzig Komma fünf Grad Celsius."),
    ("de", "am 20.5 in Berlin", "am zwanzigsten Mai in Berlin"),
    ("en", "In the 1990s it began.", "In the nineteen nineties it began."),
    ("en", "555-123-4567", "five five five, one two three, four five six seven"),
    ("en", "See Fig. 3", "See figure three"),
    ("en", "27,50 €", "twenty seven euros fifty cents"),
    ("en", "2m32s", "two minutes thirty two seconds"),
    ("en", "Version 2.10", "Version two point one zero"),
    ("en", "x² + y³ ≥ 10", "x squared plus y cubed is at least ten"),
    ("en", "No. 5", "number five"),
    ("en", "a -> b", "a to b"),
    ("en", "x >= 10 and y != 3", "x is at least ten and y is not equal to three"),
    ("de", "x <= 5", "x höchstens fünf"),
    ("ja", "x²", "xの二乗"),
    ("ko", "x²", "x 제곱"),
    ("zh-cn", "x³", "x的三次方"),
    ("de", "192.168.100.200", "eins neun zwei Punkt eins sechs acht Punkt eins null null Punkt zwei null null"),
    ("de", "1.000.000.000", "eine Milliarde"),
    ("hi", "5.2k", "पाँच दशमलव दो k"),
    ("de", "Vgl. S. 12 dort", "Vergleiche Seite zwölf dort"),
    ("de", "in der Goethestr. 5", "in der Goethestraße fünf"),
    ("de", "Sie kam am Mo. 5. Mai", "Sie kam am Montag fünften Mai"),
    ("hu", "Kb. 200 ember", "Körülbelül kettőszáz ember"),
    ("fr", "M. et Mme. Dupont", "monsieur et madame Dupont"),
    ("fr", "p. 12 et suiv.", "page douze et suivantes"),
    ("it", "Abita in v. Roma n. 5", "Abita in via Roma numero cinque"),
    ("pl", "na str. 15 i przy ul. Długiej 5", "na stronie piętnaście i przy ulicy Długiej pięć"),
    ("cs", "bydlí v ul. Dlouhé č. 5", "bydlí v ulici Dlouhé číslo pět"),
    ("ru", "на рис. 5", "на рисунке пять"),
    ("ru", "в г. Москве", "в городе Москве"),
    ("ru", "приехал в г. Москву", "приехал в город Москву"),
    ("ru", "в т. ч. и дети", "в том числе и дети"),
]
SAME = [
    ("fr", "Le livre coûte 12,50 € ici.", "Le livre coûte 12,50€ ici."),
    ("it", "Costa € 12,50 oggi.", "Costa €12,50 oggi."),
    ("nl", "Het kost € 12,50 hier.", "Het kost €12,50 hier."),
    ("pt", "Custa R$10 hoje.", "Custa dez reais hoje."),
    ("ar", "الخصم ٥٠٪ اليوم.", "الخصم 50% اليوم."),
    ("ko", "가격은 5,000원입니다.", "가격은 5000원입니다."),
    ("zh-cn", "共12,500元。", "共12500元。"),
    ("fr", "Il y a 12 500 habitants.", "Il y a 12500 habitants."),
    ("fr", "Il y a 12\u202f500 habitants.", "Il y a 12500 habitants."),
    ("ru", "Цена 1 500 рублей.", "Цена 1500 рублей."),
    ("it", "Ci sono 20°C oggi.", "Ci sono 20 °C oggi."),
    ("ru", "Температура -5 градусов.", "Температура минус 5 градусов."),
    ("fr", "Rendez-vous à 17h30.", "Rendez-vous à dix-sept heures trente."),
    ("pl", "12 500", "12500"),
    ("cs", "12 500", "12500"),
    ("hu", "12 500", "12500"),
]
EVERYWHERE = [
    ("5.20 €", "5,20 €"),
    ("€5.20", "€ 5,20"),
    ("20.5 %", "20,5%"),
    ("0,500 kg", "0.500 kg"),
    ("12,500,000", "12.500.000"),
    ("1,234.56 €", "1.234,56 €"),
    ("12\u202f500 kg", "12500 kg"),
    ("12\u00a0500", "12500"),
    ("20°C", "20 °C"),
    ("−5 °C", "-5 °C"),
    ("٢٥", "25"),
    ("２５", "25"),
    ("½", "1/2"),
    ("5.10 kg", "5,10 kg"),
]
"""Both are read alike in each language, whichever mark is its own."""
DIFFERENT = [
    ("ar", "السعر $10 فقط.", "السعر 10 ريالات فقط."),
    ("ar", "€20", "20 ريال"),
    ("zh-cn", "价格$3.50。", "价格3.50。"),
    ("ar", "20.5", "20, 50"),
    ("ja", "€5", "5"),
    ("ja", "£5", "5"),
]


@pytest.mark.parametrize(("language", "written", "said"), READ_AS)
def test_a_reported_text_is_read_right(language: str, written: str, said: str) -> None:
    assert spoken(written, language) == said


@pytest.mark.parametrize(("language", "first", "second"), SAME)
def test_two_spellings_are_read_alike(language: str, first: str, second: str) -> None:
    assert spoken(first, language) == spoken(second, language)


@pytest.mark.parametrize("language", MODULES)
@pytest.mark.parametrize(("first", "second"), EVERYWHERE)
def test_two_spellings_are_read_alike_in_every_language(language: str, first: str, second: str) -> None:
    assert spoken(first, language) == spoken(second, language)


@pytest.mark.parametrize("language", MODULES)
def test_a_minus_is_said_in_every_language(language: str) -> None:
    for written in ("-5 °C", "-5", "-12,50 €", "-3 %"):
        found = normalizer(language)
        assert found is not None
        assert found.grammar.minus in spoken(written, language), written


@pytest.mark.parametrize("language", MODULES)
def test_every_sign_of_a_currency_has_a_name_in_every_language(language: str) -> None:
    for sign in CURRENCIES:
        assert not set("$€£¥₹₽₩") & set(spoken(f"{sign}5", language)), sign
        assert spoken(f"{sign}5", language) != spoken("5", language), sign
        if len(sign) == 1:
            assert spoken(sign, language) != sign


@pytest.mark.parametrize(("language", "first", "second"), DIFFERENT)
def test_two_amounts_are_told_apart(language: str, first: str, second: str) -> None:
    assert spoken(first, language) != spoken(second, language)


@pytest.mark.parametrize(
    ("language", "written", "last"),
    [
        ("de", "Das Spiel endete 3:1", "eins"),
        ("de", "Treffen um 10:30", "dreißig"),
        ("de", "am 3. Mai", "am dritten Mai"),
    ],
)
def test_the_last_word_is_the_last_figure(language: str, written: str, last: str) -> None:
    assert spoken(written, language).endswith(last)


@pytest.mark.parametrize("language", MODULES)
@pytest.mark.parametrize("amount", ["5 €", "5€", "€5", "€ 5", "EUR 5", "5 EUR"])
def test_the_currency_is_said_wherever_its_sign_stands(language: str, amount: str) -> None:
    assert spoken(amount, language) == spoken("5 €", language) != spoken("5", language)
