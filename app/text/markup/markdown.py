"""Markdown and HTML to plain text, in which an empty line separates pieces.

markdown-it-py (CommonMark with tables and strikethrough) with guarded rules, so that a text without markup comes back
as it is. Indented text is never code: it is more often a poem.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block, reference
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.token import Token

from app.text.cleaning import PARAGRAPH_BREAK
from app.text.markup import emphasis, html
from app.text.markup.guards import Lines
from app.text.markup.spans import Warnings

# Without these characters only lists, rules and headings are markup, which take whole lines.
_SIGNS = re.compile(
    r"[*_~`<&\[\]|\\•◦▪‣●○■]|^[ \t]*(?:#|>|[-+](?:[ \t]|$)|[-=]{2,}[ \t]*$|\d{1,3}[.)][ \t])", re.MULTILINE
)
# Lists of word processors, and headings that are only bold.
_BULLET = re.compile(r"^([ \t]*)[•◦▪‣●○■][ \t]*(?=\S)", re.MULTILINE)
_BOLD_LINE = re.compile(r"^[ \t>]*+\*\*[^*\n]{1,200}+\*\*:?[ \t]*+\n(?=[ \t>]*+[^\s>])", re.MULTILINE)
_DEEP_MARKS = re.compile(r"^(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))){7,}", re.MULTILINE)
_DEEP_INDENT = re.compile(r"^[ \t]{11,}", re.MULTILINE)
_MAX_MARKS, _MAX_COLUMNS = 6, 40
"""Most marks and columns of indentation kept of one line. They bound the nesting of blocks, far below the limits of
Python's stack and of the parser.
"""
_MAX_NESTING = 100
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,100}\](:[ \t]*)?")
# So many open brackets begin no link, but the parser would look for the end of each.
_MANY_OPENINGS = re.compile(r"(?:!?\[[^\[\]]{0,100}+){8}")
_SSML_OUTSIDE = "SSML is read only where the whole text is a <speak> element; without effect: {}"
_CELL = "\ue002"
_TRAILING_MARK = re.compile(r"""[.,;:!?…。，、；：！？]["'”’»)]*$""")


def to_plain_text(text: str, warnings: Warnings, *, is_auto: bool) -> str:
    """Words of a Markdown text, with an empty line between headings, items, rows and paragraphs.

    is_auto   signs that are more often none of Markdown's stay
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace(_CELL, "")
    if is_auto and not (_SIGNS.search(text) and any(map(str.isalnum, text))):
        return text
    text = html.remove_hidden(text, warnings) if "<" in text else text
    text = _BOLD_LINE.sub(r"\n\g<0>\n", _BULLET.sub(r"\n\1* ", text))
    text = _DEEP_INDENT.sub(_bounded_indent, _DEEP_MARKS.sub(_bounded_marks, text))
    env = {"is_auto": is_auto, "lines": Lines(text), "closed": html.closed_names(text), "warnings": warnings}
    return PARAGRAPH_BREAK.join(_pieces(_PARSER.parse(text, env)))


def _bounded_marks(match: re.Match[str]) -> str:
    marks = re.findall(r"[ \t]*(?:>|[-+*]|\d{1,9}[.)])", match[0])
    return "".join(marks[-_MAX_MARKS:])


def _bounded_indent(match: re.Match[str]) -> str:
    return match[0] if len(match[0].expandtabs(4)) <= _MAX_COLUMNS else " " * _MAX_COLUMNS


# Tokens to pieces


def _pieces(tokens: Sequence[Token]) -> Iterator[str]:
    prefix, cells = "", list[str]()
    begins_item = is_in_row = False
    for token in tokens:
        match token.type:
            case "list_item_open":
                # No full stop, which would make an ordinal of the number in German and other languages.
                prefix, begins_item = f"{token.info}: " if token.info else "", True
            case "tr_open":
                cells, is_in_row = [], True
            case "tr_close":
                is_in_row = False
                yield from _whole_pieces(_CELL.join(cells))
            case "inline" if is_in_row:
                cells.append(_inline_text(token.children or ()))
            case "inline":
                text = _inline_text(token.children or ())
                yield from _whole_pieces(prefix + (_TASK.sub("", text, count=1) if begins_item else text))
                prefix, begins_item = "", False
            case "fence":
                yield from (line for line in token.content.split("\n") if line.strip())
            case _:
                pass


def _inline_text(tokens: Sequence[Token]) -> str:
    text: list[str] = []
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                text.append("\n")
            case "image":
                text.append(_inline_text(token.children or ()))
            case _:
                text.append(token.content)
    return "".join(text)


def _whole_pieces(text: str) -> Iterator[str]:
    """The pieces of a block: HTML may end some inside it. Commas separate cells."""
    for piece in text.split(PARAGRAPH_BREAK):
        cells = [cell.strip() for cell in piece.split(_CELL) if cell.strip()]
        if cells:
            *others, last = cells
            yield "".join(cell + (" " if _TRAILING_MARK.search(cell[-10:]) else ", ") for cell in others) + last


# Inline rules of our own


def _tag(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    match = html.TAG.match(state.src, state.pos, state.posMax)
    if match is None or (state.env["is_auto"] and not html.is_certain(match, state.env["closed"])):
        return False
    if not silent:
        name = match["name"].lower()
        token = state.push("text", "", 0)
        if name in html.BLOCK_TAGS:
            token.content = PARAGRAPH_BREAK
        elif name in html.CELL_TAGS:
            token.content = _CELL
        elif name == "img":
            token.content = html.alternative_text(match["attributes"])
        elif name in html.SSML_TAGS:
            state.env["warnings"].add(
                "SSML is read only where the whole text is a <speak> element; without effect: {}", name
            )
    state.pos = match.end()
    return True


def _footnote(state: StateInline, silent: bool) -> bool:
    """`[^1]` is dropped; `[^1]:` at the start of a line begins a piece."""
    if state.src[state.pos] != "[":
        return False
    match = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    begins_line = not state.src[max(0, state.pos - 1) : state.pos].strip("\n")
    is_definition = begins_line and bool(match[1])
    if not silent and is_definition:
        state.push("text", "", 0).content = PARAGRAPH_BREAK
    state.pos = match.end() if is_definition or not match[1] else match.start(1)
    return True


# Guards of the parser's own rules


def _guarded_list(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:  # noqa: N803 - the parser's
    if state.env["is_auto"]:
        lines: Lines = state.env["lines"]
        at = state.bMarks[startLine] + state.tShift[startLine]
        if not lines.begins_list(startLine, at, state.src, interrupts=silent):
            return False
    return list_block(state, startLine, endLine, silent)


def _guarded_quote(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:  # noqa: N803
    if state.env["is_auto"]:
        lines: Lines = state.env["lines"]
        if not lines.begins_quote(state.bMarks[startLine] + state.tShift[startLine], state.src):
            return False
    return blockquote(state, startLine, endLine, silent)


def _guarded_fence(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:  # noqa: N803
    if state.env["is_auto"] and state.src.startswith("~", state.bMarks[startLine] + state.tShift[startLine]):
        lines: Lines = state.env["lines"]
        if not lines.closes_tildes(startLine):
            return False
    return fence(state, startLine, endLine, silent)


def _guarded_reference(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:  # noqa: N803
    """Definitions of links. Those of footnotes are paragraphs."""
    if state.src.startswith("[^", state.bMarks[startLine] + state.tShift[startLine]):
        return False
    if state.env["is_auto"]:
        lines: Lines = state.env["lines"]
        if not lines.defines_link(startLine):
            return False
    return reference(state, startLine, endLine, silent)


def _guarded_link(state: StateInline, silent: bool) -> bool:
    return not _MANY_OPENINGS.match(state.src, state.pos) and link(state, silent)


def _guarded_image(state: StateInline, silent: bool) -> bool:
    return not _MANY_OPENINGS.match(state.src, state.pos) and image(state, silent)


def _new_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"]).disable(["code", "html_block", "html_inline"])
    parser.block.ruler.at("list", _guarded_list, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.block.ruler.at("blockquote", _guarded_quote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("fence", _guarded_fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("reference", _guarded_reference)
    parser.inline.ruler.at("emphasis", emphasis.tokenize)
    parser.inline.ruler.at("link", _guarded_link)
    parser.inline.ruler.at("image", _guarded_image)
    parser.inline.ruler.before("link", "footnote", _footnote)
    parser.inline.ruler.before("autolink", "tag", _tag)
    parser.inline.ruler2.after("emphasis", "dangling", emphasis.drop_dangling)
    parser.parse("")  # compiles its chains of rules before threads share it
    return parser


_PARSER = _new_parser()
