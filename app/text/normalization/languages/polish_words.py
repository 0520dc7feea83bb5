"""Tables of the Polish grammar: signs, abbreviations, magnitudes and units in words."""

SIGNS = {
    "&": "i", "@": "małpa", "#": "kratka", "%": "procent", "=": "równa się", "≠": "nie równa się", "≈": "około",
    "≤": "mniejsze lub równe", "≥": "większe lub równe", "±": "plus minus", "×": "razy", "÷": "podzielić przez",
    "√": "pierwiastek z", "∞": "nieskończoność", "→": "strzałka", "°": "stopni", "§": "paragraf", "©": "copyright",
    "®": "znak zastrzeżony", "™": "znak towarowy", "$": "dolar", "€": "euro", "£": "funt", "¥": "jen", "№": "numer",
    "^": "do potęgi", "+": "plus",
}  # fmt: skip
WEB_SIGNS = {
    ".": "kropka", "/": "ukośnik", "-": "myślnik", "_": "podkreślenie", ":": "dwukropek", "@": "małpa", "?": "znak zapytania",
    "=": "równa się", "&": "i", "#": "kratka", "~": "tylda",
}  # fmt: skip
ABBREVIATIONS = {
    "np.": "na przykład", "itd.": "i tak dalej", "itp.": "i tym podobne", "tj.": "to jest", "tzn.": "to znaczy", "m.in.": "między innymi",
    "ok.": "około", "ul.": "ulica", "al.": "aleja", "pl.": "plac", "os.": "osiedle", "nr": "numer", "str.": "strona", "rozdz.": "rozdział",
    "dr": "doktor", "prof.": "profesor", "mgr": "magister", "inż.": "inżynier", "hab.": "habilitowany", "św.": "święty", "tel.": "telefon",
    "godz.": "godzina", "wg": "według", "ww.": "wyżej wymieniony", "p.n.e.": "przed naszą erą", "n.e.": "naszej ery", "rys.": "rysunek",
    "tzw.": "tak zwany", "cd.": "ciąg dalszy", "im.": "imienia", "woj.": "województwo", "jw.": "jak wyżej", "dot.": "dotyczy",
    "maks.": "maksymalnie", "min.": "minimum", "ang.": "angielski", "Sp. z o.o.": "spółka z ograniczoną odpowiedzialnością",
    "zob.": "zobacz", "por.": "porównaj", "gen.": "generał", "red.": "redaktor", "lek.": "lekarz", "ks.": "ksiądz",
    "pow.": "powiat", "gm.": "gmina", "płk": "pułkownik", "kpt.": "kapitan", "ds.": "do spraw",
}  # fmt: skip
NUMBERED = {"s.": "strona", "art.": "artykuł", "ust.": "ustęp", "pkt": "punkt", "poz.": "pozycja", "t.": "tom", "kl.": "klasa", "m.": "mieszkanie"}  # fmt: skip
LOCATIVES = {
    "ul.": "ulicy", "al.": "alei", "pl.": "placu", "os.": "osiedlu", "str.": "stronie", "s.": "stronie", "rys.": "rysunku",
    "rozdz.": "rozdziale", "woj.": "województwie", "gm.": "gminie", "pow.": "powiecie", "art.": "artykule", "ust.": "ustępie",
    "pkt": "punkcie", "nr": "numerze",
}  # fmt: skip
MAGNITUDES = {word: word for word in ("tysiąc", "tysiące", "tysięcy", "milion", "miliony", "milionów", "miliard", "miliardy", "miliardów")} | {
    "tys.": "tys", "tys": "tys", "mln": "mln", "mld": "mld"}  # fmt: skip
UNITS = {"godz.": "duration-hour", "sek.": "duration-second"}
UNIT_WORDS = {
    "dB": ("decybel", "decybeli"),
    "speed-kilometer-per-second": ("kilometr na sekundę", "kilometrów na sekundę"),
}
