"""Signs of units and currencies in all languages, and their names in CLDR.

Symbols of one language (`км`, `zł`) are in its grammar.
"""

UNITS: dict[str, str] = {
    "km": "length-kilometer", "m": "length-meter", "dm": "length-decimeter", "cm": "length-centimeter",
    "mm": "length-millimeter", "µm": "length-micrometer", "μm": "length-micrometer", "nm": "length-nanometer",
    "mi": "length-mile", "ft": "length-foot", "yd": "length-yard", "inch": "length-inch", "nmi": "length-nautical-mile",
    "km²": "area-square-kilometer", "m²": "area-square-meter", "cm²": "area-square-centimeter", "ha": "area-hectare",
    "ft²": "area-square-foot", "mi²": "area-square-mile", "ac": "area-acre",
    "km³": "volume-cubic-kilometer", "m³": "volume-cubic-meter", "cm³": "volume-cubic-centimeter",
    "l": "volume-liter", "L": "volume-liter", "dl": "volume-deciliter", "cl": "volume-centiliter",
    "ml": "volume-milliliter", "mL": "volume-milliliter", "hl": "volume-hectoliter", "gal": "volume-gallon",
    "qt": "volume-quart", "pt": "volume-pint", "tbsp": "volume-tablespoon", "tsp": "volume-teaspoon",
    "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "µg": "mass-microgram", "μg": "mass-microgram",
    "t": "mass-tonne", "lb": "mass-pound", "lbs": "mass-pound", "oz": "mass-ounce",
    "km/h": "speed-kilometer-per-hour", "kmh": "speed-kilometer-per-hour", "km/s": "speed-kilometer-per-second",
    "kph": "speed-kilometer-per-hour",
    "m/s": "speed-meter-per-second", "mph": "speed-mile-per-hour", "kn": "speed-knot",
    "°C": "temperature-celsius", "℃": "temperature-celsius", "°F": "temperature-fahrenheit",
    "℉": "temperature-fahrenheit", "°": "angle-degree", "K": "temperature-kelvin",
    "ms": "duration-millisecond", "µs": "duration-microsecond", "s": "duration-second", "sec": "duration-second",
    "min": "duration-minute", "h": "duration-hour", "hr": "duration-hour", "hrs": "duration-hour",
    "Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz",
    "W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt", "GW": "power-gigawatt", "mW": "power-milliwatt",
    "hp": "power-horsepower", "V": "electric-volt", "A": "electric-ampere", "mA": "electric-milliampere",
    "Ω": "electric-ohm", "J": "energy-joule", "kJ": "energy-kilojoule", "cal": "energy-calorie",
    "kcal": "energy-kilocalorie", "kWh": "energy-kilowatt-hour", "kwh": "energy-kilowatt-hour", "N": "force-newton",
    "Pa": "pressure-pascal", "hPa": "pressure-hectopascal", "kPa": "pressure-kilopascal", "bar": "pressure-bar",
    "mbar": "pressure-millibar", "psi": "pressure-pound-force-per-square-inch", "atm": "pressure-atmosphere",
    "B": "digital-byte", "kB": "digital-kilobyte", "KB": "digital-kilobyte", "MB": "digital-megabyte",
    "GB": "digital-gigabyte", "TB": "digital-terabyte", "PB": "digital-petabyte", "Mb": "digital-megabit",
    "Gb": "digital-gigabit", "px": "graphics-pixel", "dpi": "graphics-dot-per-inch", "lx": "light-lux",
    "%": "concentr-percent", "％": "concentr-percent", "‰": "concentr-permille", "ppm": "concentr-permillion",
}  # fmt: skip
"""As written behind a number -> CLDR's key. A superscript may also be written `m2` or `m^2`."""

CURRENCIES: dict[str, str] = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY",
    "₩": "KRW", "￦": "KRW", "₴": "UAH", "₫": "VND", "₪": "ILS", "₦": "NGN", "₱": "PHP", "฿": "THB", "₿": "BTC",
    "₡": "CRC", "₸": "KZT", "₲": "PYG", "R$": "BRL", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "NT$": "TWD", "MX$": "MXN", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "Fr.": "CHF",
}  # fmt: skip
"""Sign -> ISO 4217."""

_CODES = (
    "USD EUR GBP JPY INR RUB TRY KRW UAH CNY BRL CAD AUD NZD HKD SGD TWD MXN PLN CZK HUF CHF SEK NOK DKK ISK RON BGN "
    "ARS CLP COP PEN UYU BOB PYG CRC ILS EGP SAR AED QAR KWD MAD DZD TND JOD LBP IQD NGN KES ZAR GHS THB VND PHP IDR "
    "MYR PKR BDT LKR NPR KZT GEL AMD BTC"
)
CURRENCY_CODES = frozenset(_CODES.split())
"""Codes that are read as currencies beside a number. Others may be anything: `12 ALL`, `5 TOP`."""

SUBUNITS: dict[str, int] = dict.fromkeys(["JPY", "KRW", "VND", "HUF", "CLP", "PYG", "ISK"], 0) | dict.fromkeys(
    ["KWD", "TND", "JOD", "IQD"], 3
)
"""Digits of the smaller unit, where they are not two. (Forints have none in use.)"""
