"""Arabic nouns behind a number: dual for two, plural for three to ten, singular for the others.

A number from three to ten has the other gender than its noun. Endings of cases are not spoken.
"""

import msgspec


class Noun(msgspec.Struct, frozen=True):
    singular: str
    plural: str
    is_feminine: bool = False

    @property
    def dual(self) -> str:
        """With both words in the dual, but for what follows a preposition."""
        head, preposition, rest = self.singular.partition(" في ")
        words = (f"{word[:-1]}تان" if word.endswith("ة") else f"{word}ان" for word in head.split())
        return " ".join(words) + preposition + rest

    @property
    def one(self) -> str:
        return f"{self.singular} {'واحدة' if self.is_feminine else 'واحد'}"


UNITS = {
    "length-kilometer": ("كيلومتر", "كيلومترات"), "length-meter": ("متر", "أمتار"), "length-centimeter": ("سنتيمتر", "سنتيمترات"),
    "length-millimeter": ("مليمتر", "مليمترات"), "length-mile": ("ميل", "أميال"), "length-foot": ("قدم", "أقدام"),
    "length-inch": ("بوصة", "بوصات"), "length-yard": ("ياردة", "ياردات"), "area-square-meter": ("متر مربع", "أمتار مربعة"),
    "area-square-kilometer": ("كيلومتر مربع", "كيلومترات مربعة"), "area-hectare": ("هكتار", "هكتارات"),
    "volume-cubic-meter": ("متر مكعب", "أمتار مكعبة"), "volume-liter": ("لتر", "لترات"), "volume-milliliter": ("مليلتر", "مليلترات"),
    "mass-kilogram": ("كيلوغرام", "كيلوغرامات"), "mass-gram": ("غرام", "غرامات"), "mass-milligram": ("مليغرام", "مليغرامات"),
    "mass-tonne": ("طن", "أطنان"), "mass-pound": ("رطل", "أرطال"), "mass-ounce": ("أونصة", "أونصات"),
    "speed-kilometer-per-hour": ("كيلومتر في الساعة", "كيلومترات في الساعة"), "angle-degree": ("درجة", "درجات"),
    "speed-meter-per-second": ("متر في الثانية", "أمتار في الثانية"), "temperature-celsius": ("درجة مئوية", "درجات مئوية"),
    "temperature-fahrenheit": ("درجة فهرنهايت", "درجات فهرنهايت"), "duration-hour": ("ساعة", "ساعات"),
    "duration-minute": ("دقيقة", "دقائق"), "duration-second": ("ثانية", "ثوان"), "power-watt": ("واط", "واطات"),
    "power-kilowatt": ("كيلوواط", "كيلوواطات"), "electric-volt": ("فولت", "فولتات"), "electric-ampere": ("أمبير", "أمبيرات"),
    "energy-kilowatt-hour": ("كيلوواط ساعة", "كيلوواط ساعة"), "pressure-atmosphere": ("ضغط جوي", "ضغوط جوية"),
}  # fmt: skip
"""CLDR's key -> singular and plural, where CLDR lacks a form."""
CURRENCIES = {
    "USD": ("دولار", "دولارات"), "EUR": ("يورو", "يورو"), "GBP": ("جنيه إسترليني", "جنيهات إسترلينية"), "JPY": ("ين", "ين"),
    "KWD": ("دينار كويتي", "دنانير كويتية"), "SAR": ("ريال سعودي", "ريالات سعودية"), "AED": ("درهم إماراتي", "دراهم إماراتية"),
    "EGP": ("جنيه مصري", "جنيهات مصرية"), "JOD": ("دينار أردني", "دنانير أردنية"), "QAR": ("ريال قطري", "ريالات قطرية"),
    "TRY": ("ليرة تركية", "ليرات تركية"), "RUB": ("روبل روسي", "روبلات روسية"), "INR": ("روبية هندية", "روبيات هندية"),
    "CNY": ("يوان صيني", "يوانات صينية"), "CAD": ("دولار كندي", "دولارات كندية"),
}  # fmt: skip
SUBUNITS = {
    "USD": ("سنت", "سنتات"), "EUR": ("سنت", "سنتات"), "GBP": ("بنس", "بنسات"), "SAR": ("هللة", "هللات"), "AED": ("فلس", "فلوس"),
    "KWD": ("فلس", "فلوس"), "JOD": ("فلس", "فلوس"), "EGP": ("قرش", "قروش"), "QAR": ("درهم", "دراهم"),
}  # fmt: skip
NOUNS = {
    singular: Noun(singular, plural, is_feminine=singular.split()[0].endswith("ة") or singular == "قدم")
    for table in (UNITS, CURRENCIES, SUBUNITS)
    for singular, plural in table.values()
}
"""Singular -> its noun."""

_FEMININE = {
    "واحد": "إحدى", "اثنان": "اثنتان", "اثنا": "اثنتا", "أحد": "إحدى", "ثلاثة": "ثلاث", "أربعة": "أربع", "خمسة": "خمس", "ستة": "ست",
    "سبعة": "سبع", "ثمانية": "ثماني", "تسعة": "تسع", "عشرة": "عشر", "عشر": "عشرة",
}  # fmt: skip


def feminine(number_below_100: str) -> str:
    """The words of a number as they stand before a feminine noun: `ثلاث عشرة`, `خمس وعشرون`."""
    return " ".join(_FEMININE.get(word, word) for word in number_below_100.split())
