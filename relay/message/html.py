r"""
Where an image can go into an HTML text: before the last ``</body>`` that is markup.

What is markup is decided as the tokenizer of the HTML standard does (section 13.2.5): comments, quoted attribute
values, and elements whose content is text hide what looks like tags. One possessive regular expression walks over
all that; it never goes back, so the work is linear whatever the text.

Pure: no I/O, no clock, no chance.
"""

import re
from typing import NamedTuple

# After so many elements that need a look of their own (scripts, templates, ...) the text is left alone.
_MAX_SPECIAL = 20_000
_MAX_HIDING = 50
_MAX_HIDDEN = 20_000

# HTML standard, sections 13.2.5.32 to 13.2.5.40. A name may begin with "="; a quote counts only as the first
# character of a value. A quote that is never closed takes the rest of the text, and then no ">" follows.
_ATTRIBUTES = rb"""(?>
  [\t\n\f\r /]++
| [^\t\n\f\r />][^\t\n\f\r /=>]*+
  (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+)?+
)*+"""
_NAME_END = rb"(?=[\t\n\f\r />])"

# Elements whose content the tokenizer takes as text: as long as no end tag of the same name comes.
_TEXT_ELEMENTS = rb"title|textarea|style|xmp|iframe|noembed|noframes"
# Elements that need more than one expression: script (its comments), those whose content is markup that is not
# shown or not kept, and those that end the document as we know it.
_SPECIAL = rb"script|template|noscript|select|plaintext|frameset"

_COMMENT = rb"<!--(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+--!?>)"
_BOGUS = rb"<(?:[?]|!(?!--)|/(?![a-zA-Z>]))[^>]*+>"

_RUN = re.compile(
    rb"""(?>
  [^<]++
| <(?![a-zA-Z/!?])
| </>
| (?P<body></body%(name_end)s%(attributes)s>)
| (?P<html></html%(name_end)s%(attributes)s>)
| <(?P<text>%(text)s)%(name_end)s%(attributes)s>
  [^<]*+(?:<(?!/(?P=text)%(name_end)s)[^<]*+)*+</(?P=text)%(name_end)s%(attributes)s>
| </?(?!(?:%(text)s|%(special)s)%(name_end)s)[a-zA-Z][^\t\n\f\r />]*+%(attributes)s>
| </(?:%(text)s|%(special)s)%(name_end)s%(attributes)s>
| %(comment)s
| %(bogus)s
)*+"""
    % {
        b"name_end": _NAME_END,
        b"attributes": _ATTRIBUTES,
        b"text": _TEXT_ELEMENTS,
        b"special": _SPECIAL,
        b"comment": _COMMENT,
        b"bogus": _BOGUS,
    },
    re.VERBOSE | re.IGNORECASE,
)
_SPECIAL_TAG = re.compile(rb"<(%s)%s%s>" % (_SPECIAL, _NAME_END, _ATTRIBUTES), re.VERBOSE | re.IGNORECASE)
_UNFINISHED = re.compile(rb"</(body|html)(?:[\t\n\f\r />]|\Z)", re.IGNORECASE)

# Inside template, noscript and select: everything up to a tag of the same name, or a script.
_REGION_RUN = {
    name: re.compile(
        rb"(?>[^<]++|<(?![a-zA-Z/!?])|</>|</?(?!(?:%s|script|plaintext)%s)[a-zA-Z][^\t\n\f\r />]*+%s>|</(?:script|plaintext)%s%s>|%s|%s)*+"
        % (name, _NAME_END, _ATTRIBUTES, _NAME_END, _ATTRIBUTES, _COMMENT, _BOGUS),
        re.VERBOSE | re.IGNORECASE,
    )
    for name in (b"template", b"noscript", b"select")
}
_TAG = re.compile(rb"<(/?)([a-zA-Z][^\t\n\f\r />]*+)%s>" % _ATTRIBUTES, re.VERBOSE)

# HTML standard, sections 13.2.5.15 to 13.2.5.31: what changes the state inside a script.
_SCRIPT_TOKEN = re.compile(rb"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)

_HIDING = re.compile(rb"display[\t\n\f\r ]{0,4}:[\t\n\f\r ]{0,4}none|[\t\n\f\r \"']hidden(?=[\t\n\f\r /=>])")
_NAME = re.compile(rb"<([a-z][^\t\n\f\r />]*+)")
_EMPTY_ELEMENTS = frozenset(b"area base br col embed hr img input link meta source track wbr".split())


class Place(NamedTuple):
    """Where the image goes, and why there: before ``</body>``, before ``</html>``, or at the ``end``."""

    offset: int
    before: str


def find_place(text: bytes) -> Place | None:
    """
    Find the offset in an HTML text (ASCII where it is ASCII) at which an image element would be seen.

    Returns:
        None when there is no such place: the text ends inside a comment, tag, quoted value, or an element that
        hides its content, and has no ``</body>`` or ``</html>`` before that.
    """
    body = html = -1
    at = 0
    for _ in range(_MAX_SPECIAL):
        run = _RUN.match(text, at)
        if run is None:  # cannot be: the expression matches the empty text too
            return None
        body, html, at = max(body, run.start("body")), max(html, run.start("html")), run.end()
        if at == len(text):
            break
        special = _SPECIAL_TAG.match(text, at)
        after = -1 if special is None else _past(text, special[1].lower(), special.end())
        if after < 0:
            return _before_the_rest(text, at, body, html)
        at = after
    else:
        return None
    return _chosen(body, html) or _at_the_end(text)


def _chosen(body: int, html: int) -> Place | None:
    if body >= 0:
        return Place(body, "</body>")
    return Place(html, "</html>") if html >= 0 else None


def _before_the_rest(text: bytes, at: int, body: int, html: int) -> Place | None:
    """Choose where the rest, from ``at``, is hidden: a comment or tag that never ends, or text to the end."""
    unfinished = _UNFINISHED.match(text, at)
    if unfinished and unfinished[1].lower() == b"body":
        body = at
    elif unfinished:
        html = at
    return _chosen(body, html)


def _at_the_end(text: bytes) -> Place | None:
    """Give the end of the visible text, unless an element that is not shown is still open there."""
    end = len(text.rstrip(b" \t\r\n\f"))
    return None if end == 0 or _hidden_at_end(text) else Place(end, "")


def _past(text: bytes, name: bytes, at: int) -> int:
    """Give the offset behind a special element whose start tag ends at ``at``; -1 when the rest belongs to it."""
    if name == b"script":
        return _past_script(text, at)
    if name in _REGION_RUN:
        return _past_region(text, name, at)
    return -1  # plaintext has no end; beside a frameset nothing is shown


def _past_script(text: bytes, at: int) -> int:
    in_comment = nested = False
    for token in _SCRIPT_TOKEN.finditer(text, at):
        word = token[0].lower()
        if word == b"<!--":
            in_comment = True
        elif word == b"-->":
            in_comment = nested = False
        elif word == b"<script":
            nested = nested or in_comment
        elif nested:
            nested = False
        else:
            end = _TAG.match(text, token.start())
            return end.end() if end else -1
    return -1


def _past_region(text: bytes, name: bytes, at: int) -> int:
    """Skip an element whose content is markup: its tags nest, save for select, where each tag of it ends it."""
    depth = 1
    run_of = _REGION_RUN[name]
    for _ in range(_MAX_SPECIAL):
        run = run_of.match(text, at)
        tag = _TAG.match(text, run.end()) if run else None
        if tag is None:
            return -1
        at = tag.end()
        closes, word = tag[1], tag[2].lower()
        if word == b"script":
            at = _past_script(text, at)
            if at < 0:
                return -1
        elif word == b"plaintext":
            return -1
        elif closes:
            depth -= 1
            if depth == 0:
                return at
        elif name == b"template":
            depth += 1
    return -1


def _hidden_at_end(text: bytes) -> bool:
    """
    Say whether an element with ``display:none`` or ``hidden`` may still be open where the text ends.

    Tags are counted by their looks here, comments included, and only so many: a wrong yes costs one pixel, no mail.
    """
    lower = text.lower()
    counted = 0
    for number, hint in enumerate(_HIDING.finditer(lower)):
        start = lower.rfind(b"<", 0, hint.start())
        name = _NAME.match(lower, max(start, 0))
        if name is None or name[1] in _EMPTY_ELEMENTS:
            continue
        depth = 0
        for tag in re.compile(rb"<(/?)%s(?=[\t\n\f\r />])" % re.escape(name[1])).finditer(lower, start):
            counted += 1
            depth += -1 if tag[1] else 1
            if depth == 0:
                break
        if depth or number >= _MAX_HIDING or counted > _MAX_HIDDEN:
            return True
    return False
