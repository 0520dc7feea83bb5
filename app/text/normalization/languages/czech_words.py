"""Tables of the Czech grammar: signs, abbreviations, magnitudes and units in words."""

SIGNS = {
    "&": "a", "@": "zavináč", "#": "křížek", "%": "procent", "=": "rovná se", "≠": "nerovná se", "≈": "přibližně",
    "≤": "menší nebo rovno", "≥": "větší nebo rovno", "±": "plus minus", "×": "krát", "÷": "děleno", "√": "odmocnina z",
    "∞": "nekonečno", "→": "šipka", "°": "stupňů", "§": "paragraf", "©": "copyright", "®": "registrovaná známka",
    "™": "ochranná známka", "$": "dolar", "€": "euro", "£": "libra", "¥": "jen", "№": "číslo", "^": "na", "+": "plus",
}  # fmt: skip
WEB_SIGNS = {
    ".": "tečka", "/": "lomítko", "-": "pomlčka", "_": "podtržítko", ":": "dvojtečka", "@": "zavináč", "?": "otazník",
    "=": "rovná se", "&": "a", "#": "křížek", "~": "vlnovka",
}  # fmt: skip
ABBREVIATIONS = {
    "např.": "například", "tj.": "to je", "tzn.": "to znamená", "atd.": "a tak dále", "apod.": "a podobně", "popř.": "popřípadě",
    "resp.": "respektive", "cca": "cirka", "č.": "číslo", "str.": "strana", "obr.": "obrázek", "kap.": "kapitola",
    "ul.": "ulice", "nám.": "náměstí", "tř.": "třída", "tel.": "telefon", "p.": "pan", "pí": "paní", "Ing.": "inženýr",
    "Dr.": "doktor", "MUDr.": "doktor", "Mgr.": "magistr", "Bc.": "bakalář", "prof.": "profesor", "doc.": "docent",
    "sv.": "svatý", "tzv.": "takzvaný", "př. n. l.": "před naším letopočtem", "n. l.": "našeho letopočtu", "stol.": "století",
    "mj.": "mimo jiné", "max.": "maximálně", "min.": "minimálně", "vč.": "včetně", "s. r. o.": "es er o", "a. s.": "a es",
    "aj.": "a jiné", "JUDr.": "doktor", "PhDr.": "doktor", "RNDr.": "doktor", "srov.": "srovnej",
    "pozn.": "poznámka", "event.": "eventuálně", "angl.": "anglicky", "gen.": "generál", "kpt.": "kapitán",
    "zvl.": "zvláště",
}  # fmt: skip
NUMBERED = {"s.": "strana", "čl.": "článek", "odst.": "odstavec", "tab.": "tabulka"}
LOCATIVES = {
    "ul.": "ulici", "nám.": "náměstí", "tř.": "třídě", "str.": "straně", "s.": "straně", "obr.": "obrázku", "kap.": "kapitole",
    "čl.": "článku", "odst.": "odstavci", "tab.": "tabulce", "č.": "čísle", "stol.": "století",
}  # fmt: skip
MAGNITUDES = {word: word for word in ("tisíc", "tisíce", "milion", "miliony", "milionů", "miliarda", "miliardy", "miliard")} | {
    "tis.": "tisíc", "mil.": "mil", "mld.": "mld", "mil": "mil", "mld": "mld"}  # fmt: skip
UNITS = {"hod.": "duration-hour", "hod": "duration-hour", "min.": "duration-minute"}
UNIT_WORDS = {
    "dB": ("decibel", "decibelů"),
    "speed-kilometer-per-second": ("kilometr za sekundu", "kilometrů za sekundu"),
}
