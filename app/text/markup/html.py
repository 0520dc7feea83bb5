"""HTML inside a text: tags that end a piece, and those removed with their content.

Only names that HTML knows are tags, so `<name>`, `a < b` and `<ada@example.com>` stay. The Markdown parser reads
entities.
"""

import re

from app.text.markup.spans import Warnings

BLOCK_TAGS = frozenset([
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "search",
    "section", "select", "summary", "table", "tbody", "tfoot", "thead", "title", "tr", "ul",
])  # fmt: skip
CELL_TAGS = frozenset(("td", "th"))
INLINE_TAGS = frozenset([
    "a", "abbr", "acronym", "area", "audio", "b", "base", "bdi", "bdo", "big", "button", "canvas", "cite", "code",
    "col", "colgroup", "data", "datalist", "del", "dfn", "em", "embed", "font", "i", "iframe", "img", "input", "ins",
    "kbd", "label", "link", "map", "mark", "meta", "meter", "nobr", "object", "optgroup", "output", "param",
    "picture", "progress", "q", "rp", "rt", "ruby", "s", "samp", "script", "small", "source", "span", "strike",
    "strong", "style", "sub", "sup", "svg", "template", "textarea", "time", "track", "tt", "u", "var", "video", "wbr",
])  # fmt: skip
SSML_TAGS = frozenset([
    "speak", "break", "say-as", "prosody", "phoneme", "emphasis", "voice", "lang", "mark", "lexicon",
])  # fmt: skip
"""Dropped with a warning where they are not part of an SSML document."""

_NAMES = "|".join(sorted(BLOCK_TAGS | CELL_TAGS | INLINE_TAGS | SSML_TAGS, key=len, reverse=True))
# Possessive quantifiers and bounds keep the time linear in texts with many unclosed tags and quotes.
_PLAIN, _QUOTED = r"[^<>\"']{0,300}+", r"(?:\"[^\"]{0,1000}+\"|'[^']{0,1000}+')"
TAG = re.compile(
    rf"</?(?P<name>{_NAMES})(?P<attributes>(?:\s{_PLAIN}(?:{_QUOTED}{_PLAIN}){{0,20}}+)?)/?>",
    re.IGNORECASE,
)
_BOOLEAN = re.compile(r"\s+(?:checked|controls|disabled|hidden|loop|muted|open|required|reversed|selected|/|\s)*")
_CLOSING = re.compile(r"</([A-Za-z][A-Za-z0-9-]{0,20}+)\s{0,20}+>")
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)

_DOCTYPE = re.compile(r"\A\s*<!DOCTYPE\s+html[^<>]{0,300}>", re.IGNORECASE)
_HIDDEN = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})|<(?P<name>script|style)(?=[\s>/])|<!--", re.MULTILINE | re.IGNORECASE
)
_FENCE_ENDS = {mark: re.compile(rf"^ {{0,3}}({mark}{{3,}})[ \t]*$", re.MULTILINE) for mark in "`~"}
_ENDS = {
    "script": re.compile(r"</script\s{0,20}>", re.IGNORECASE),
    "style": re.compile(r"</style\s{0,20}>", re.IGNORECASE),
    "!--": re.compile("-->"),
}


def closed_names(text: str) -> frozenset[str]:
    return frozenset(name.lower() for name in _CLOSING.findall(text))


def is_certain(tag: re.Match[str], closed: frozenset[str]) -> bool:
    """False for what plain text may hold: `Enter <address> here`, `a <b and c> d`. `closed`: see `closed_names`."""
    name, attributes = tag["name"].lower(), tag["attributes"]
    if attributes.strip(" /\t\n"):
        return "=" in attributes or bool(_BOOLEAN.fullmatch(attributes.lower()))
    return len(name) <= 2 or name == "wbr" or name in closed or name in SSML_TAGS or tag[0].endswith("/>")


def alternative_text(attributes: str) -> str:
    """The value of `alt`, or ""."""
    match = _ALT.search(attributes)
    return "" if match is None else match[1] or match[2] or match[3] or ""


def remove_hidden(text: str, warnings: Warnings) -> str:
    """The text without scripts, style sheets and comments, except in fenced code. One without an end stays."""
    text = _DOCTYPE.sub("", text, count=1)
    kept: list[str] = []
    at = copied = 0
    without_end: set[str] = set()
    while match := _HIDDEN.search(text, at):
        if match["fence"]:
            at = _end_of_fence(text, match)
            continue
        kind = (match["name"] or "!--").lower()
        end = None if kind in without_end else _ENDS[kind].search(text, match.end())
        if end is None:
            without_end.add(kind)
            at = match.end()
            continue
        kept += (text[copied : match.start()], "" if kind == "!--" else "\n\n")
        at = copied = end.end()
        warnings.add("not spoken: {}", "an HTML comment" if kind == "!--" else f"the content of <{kind}>")
    return "".join((*kept, text[copied:]))


def _end_of_fence(text: str, opening: re.Match[str]) -> int:
    fence = opening["fence"]
    for closing in _FENCE_ENDS[fence[0]].finditer(text, opening.end()):
        if len(closing[1]) >= len(fence):
            return closing.end()
    return len(text)
