"""Names from CLDR (the library Babel): months, currencies and units, in the plural form that a number asks for."""

from functools import cached_property
from typing import Any

from babel import Locale


class Names:
    """Names of one locale, read from Babel's data on first use, 10 ms a locale."""

    def __init__(self, locale: str) -> None:
        self._locale_name = locale

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(self._locale_name, sep="-")

    @cached_property
    def _data(self) -> Any:  # Any: Babel's own tree of dictionaries
        return self._locale._data  # pyright: ignore[reportPrivateUsage] - has no public way to a unit's bare pattern

    def plural(self, value: float) -> str:
        """CLDR's plural category: one, two, few, many or other."""
        return self._locale.plural_form(abs(value) if value % 1 else int(abs(value)))

    def months(self) -> dict[int, str]:
        """1 to 12, in the form that follows a day."""
        return dict(self._locale.months["format"]["wide"])

    def month_abbreviations(self) -> dict[int, str]:
        return dict(self._locale.months["format"]["abbreviated"])

    def weekdays(self) -> dict[int, tuple[str, str]]:
        """0 is Monday: its abbreviation and its name."""
        days = self._locale.days["format"]
        return {day: (days["abbreviated"][day], days["wide"][day]) for day in range(7)}

    def currency(self, code: str, value: float) -> str:
        """`dollars` for USD and 2; the code itself where the locale has no name."""
        plurals: dict[str, str] = self._data["currency_names_plural"].get(code) or {}
        names: dict[str, str] = self._data["currency_names"]
        return plurals.get(self.plural(value)) or plurals.get("other") or names.get(code, code)

    def unit(self, key: str, value: float) -> str | None:
        """The pattern of a unit such as `length-kilometer`: `{0} kilometers`. None where the locale has none.

        CLDR leaves out of the long patterns what the short ones have already.
        """
        widths = self._data["unit_patterns"].get(key, {})
        forms = ((width, plural) for plural in (self.plural(value), "other") for width in ("long", "short"))
        found = (widths.get(width, {}).get(plural) for width, plural in forms)
        pattern = next((pattern for pattern in found if pattern), None)
        return None if pattern is None else pattern.replace("\u00a0", " ").replace("/", " ")
