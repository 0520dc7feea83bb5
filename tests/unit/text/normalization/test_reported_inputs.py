"""Inputs that users reported: the spoken words, or a text that must be read in the same way."""

import pytest

from app.text.normalization import spoken

READ_AS = [
    ("de", "Seite 3", "Seite drei"),
    ("de", "Kapitel 12", "Kapitel zwölf"),
    ("de", "Ich bin 42.", "Ich bin zweiundvierzig."),
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


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "pl", "pt", "cs", "tr", "hu", "ru"])
@pytest.mark.parametrize("amount", ["5 €", "5€", "€5", "€ 5", "EUR 5", "5 EUR"])
def test_the_currency_is_said_wherever_its_sign_stands(language: str, amount: str) -> None:
    assert spoken(amount, language) == spoken("5 €", language) != spoken("5", language)
