"""Values of settings that are lists in one text. Each raises ValueError for what it cannot hold."""

import importlib.util
import re

# As browsers send it: no path, and no port that the scheme implies. With either it would match nothing, ever.
_ORIGIN = re.compile(
    r"(?!http://.*:80$)(?!https://.*:443$)[a-z][a-z0-9+.-]*://([^][\s/?#@*:]+|\[[0-9a-f:.]+\])(:[0-9]+)?"
)

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


class ApiKeys:
    """From a comma-separated text. Never shown: not in a log, not in an error."""

    def __init__(self, text: str = "") -> None:
        self.values = tuple(key.strip() for key in text.split(",") if key.strip())
        if not all(key.isascii() and key.isprintable() and " " not in key for key in self.values):
            raise ValueError("a key is made of printable ASCII characters without blanks")

    def __bool__(self) -> bool:
        return bool(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKeys) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __str__(self) -> str:
        return f"({len(self.values)} keys)" if self.values else ""

    __repr__ = __str__


class Origins:
    """Comma-separated web origins, or `*` for every page. An origin is what browsers send: scheme, host, port."""

    def __init__(self, text: str = "") -> None:
        # With the slash that an address bar shows, too.
        self.values = tuple(origin.strip().rstrip("/").lower() for origin in text.split(",") if origin.strip())
        self.is_any = self.values == ("*",)
        for origin in self.values:
            if not self.is_any and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is not what a browser sends, such as https://example.com or http://localhost:3000"
                )

    def __contains__(self, origin: str) -> bool:
        return self.is_any or origin.lower() in self.values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origins) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __str__(self) -> str:
        return ", ".join(self.values)

    __repr__ = __str__


class Hosts:
    """Comma-separated host names without a port, `*.example.com` for every name below one, or `*` for any name."""

    def __init__(self, text: str = "") -> None:
        self.values = tuple(_as_sent(name.strip()) for name in text.split(",") if name.strip())
        self.is_any = self.values == ("*",)
        for name in self.values:
            if not self.is_any and not _HOST_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no host name such as speech.example.com, without scheme and port")

    def __contains__(self, name: str) -> bool:
        """`name`: in lower case, without a dot at its end."""
        return any(name.endswith(each[1:]) if each.startswith("*.") else name == each for each in self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hosts) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __str__(self) -> str:
        return ", ".join(self.values)

    __repr__ = __str__


class Names:
    """Comma-separated names, or `*` for any name."""

    def __init__(self, text: str = "") -> None:
        self.values = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        self.is_any = self.values == ("*",)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __str__(self) -> str:
        return ", ".join(self.values)

    __repr__ = __str__


class Marks:
    """Kinds of marks in speech: `metadata`, `metadata,c2pa`, `off`, or `auto` for all that this installation can make.

    `in_force` are those that are made; `str` of the object is the setting.
    """

    def __init__(self, text: str = "auto") -> None:
        self.named = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
        match sorted(self.named):
            case ["auto"]:
                self.in_force = ("metadata", "c2pa") if _can_sign() else ("metadata",)
            case ["off"]:
                self.in_force = ()
            case ["metadata"]:
                self.in_force = ("metadata",)
            case ["c2pa", "metadata"]:
                self.in_force = ("metadata", "c2pa")
                if not _can_sign():
                    raise ValueError("c2pa needs a package: `make c2pa`, or pip install 'chorus-tts-server[c2pa]'")
            case _:
                raise ValueError(f"{text!r} names no marks: write auto, metadata, metadata,c2pa or off")

    @property
    def shown(self) -> str:
        """Marks in force, or `off`."""
        return ",".join(self.in_force) or "off"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks) and self.named == other.named

    def __hash__(self) -> int:
        return hash(self.named)

    def __str__(self) -> str:
        return ",".join(sorted(self.named, reverse=True))

    __repr__ = __str__


class VoiceAliases:
    """Comma-separated `alias=voice`; a voice is an id, a saved voice's name, or another alias."""

    def __init__(self, text: str = "") -> None:
        self.names: tuple[str, ...] = ()
        """as they are written"""
        self.targets: dict[str, str] = {}
        """alias, without regard to case (`str.casefold`) -> what it means"""
        for pair in filter(None, map(str.strip, text.split(","))):
            alias, _, target = (part.strip() for part in pair.partition("="))
            if not (alias and target):
                raise ValueError(f"{pair!r} is not an alias and a voice, such as alloy=Ana Florence")
            if alias.casefold() in self.targets:
                raise ValueError(f"the alias {alias!r} is given twice")
            self.names += (alias,)
            self.targets[alias.casefold()] = target
        for alias in self.names:
            seen = {alias.casefold()}
            while (target := self.targets.get(alias.casefold())) is not None:
                if target.casefold() in seen:
                    raise ValueError(f"the aliases go in a circle at {target!r}")
                seen.add(target.casefold())
                alias = target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoiceAliases) and self.targets == other.targets

    def __hash__(self) -> int:
        return hash(tuple(self.targets.items()))

    def __str__(self) -> str:
        return ", ".join(f"{alias}={self.targets[alias.casefold()]}" for alias in self.names)

    __repr__ = __str__


def _can_sign() -> bool:
    return importlib.util.find_spec("c2pa") is not None


def _as_sent(name: str) -> str:
    """A host name as browsers send it: lower case, ASCII, no dot at the end."""
    try:
        return name.rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        return name  # refused by its form
