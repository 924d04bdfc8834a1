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
_MAX_HIDING = 100
_MAX_HIDDEN = 20_000

# HTML standard, sections 13.2.5.32 to 13.2.5.40. A name may begin with "="; a quote counts only as the first
# character of a value. A quote that is never closed takes the rest of the text, and then no ">" follows.
_ATTRIBUTES = rb"""(?:[ ][a-z-]++="[^"]*+")*+(?>  # the usual form first: it is most of all tags
  [\t\n\f\r /]++
| [^\t\n\f\r />][^\t\n\f\r /=>]*+
  (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+)?+
)*+"""
_NAME_END = rb"(?=[\t\n\f\r />])"

# Elements whose content the tokenizer takes as text: as long as no end tag of the same name comes.
_TEXT_ELEMENTS = (b"title", b"textarea", b"style", b"xmp", b"iframe", b"noembed", b"noframes")
# Elements that need more than one expression: script (its comments), those whose content is markup that is not
# shown or not kept, and those that end the document as we know it.
_SPECIAL = rb"script|template|noscript|select|plaintext|frameset"

_COMMENT = rb"<!--(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+--!?>)"
_BOGUS = rb"<(?:[?]|!(?!--)|/(?![a-zA-Z>]))[^>]*+>"
_TEXT_ELEMENT = (
    rb"<%(name)s%(name_end)s%(attributes)s>[^<]*+(?:<(?!/%(name)s%(name_end)s)[^<]*+)*+</%(name)s%(attributes)s>"
)
_PARTS = {b"name_end": _NAME_END, b"attributes": _ATTRIBUTES, b"special": _SPECIAL}
_PARTS |= {
    b"text": b"|".join(_TEXT_ELEMENTS),
    b"elements": b"\n| ".join(_TEXT_ELEMENT % (_PARTS | {b"name": name}) for name in _TEXT_ELEMENTS),
    b"comment": _COMMENT,
    b"bogus": _BOGUS,
}

# Everything that is no place and changes nothing, up to an end tag of one of the names in "ends". No group of it
# captures: the expressions of Python 3.11 fail where a group captures inside a possessive one.
_RUN_OF = rb"""(?>
  [^<]++
| <(?![a-zA-Z/!?])
| </>
| <(?!(?:%(text)s|%(special)s)%(name_end)s)[a-zA-Z][^\t\n\f\r />]*+%(attributes)s>
| </(?!(?:%(ends)s)%(name_end)s)[a-zA-Z][^\t\n\f\r />]*+%(attributes)s>
| %(elements)s
| %(comment)s
| %(bogus)s
)*+"""


def _run_to(ends: bytes) -> re.Pattern[bytes]:
    return re.compile(_RUN_OF % (_PARTS | {b"ends": ends}), re.VERBOSE | re.IGNORECASE)


_RUN = _run_to(b"body|html")
_REGION_RUN = {name: _run_to(name) for name in (b"template", b"noscript", b"select")}
_STOP = re.compile(rb"<(/body|/html|%s)%s%s>" % (_SPECIAL, _NAME_END, _ATTRIBUTES), re.VERBOSE | re.IGNORECASE)
_UNFINISHED = re.compile(rb"</(body|html)(?:[\t\n\f\r />]|\Z)", re.IGNORECASE)
_TAG = re.compile(rb"<(/?)([a-zA-Z][^\t\n\f\r />]*+)%s>" % _ATTRIBUTES, re.VERBOSE)

# For the quick look back: what begins a comment, or an element that may hide markup. A class for each of three octets
# is passed by in a third of the time that whole names take (10 microseconds against 24, of 13 kB in 256 tags); what is
# found by it need not be one of them.
_WATCHED = frozenset(b"<" + name[:3] for name in (b"!--", *_TEXT_ELEMENTS, *_SPECIAL.split(b"|")))
_WATCH = re.compile(
    b"<" + b"".join(b"[%s]" % re.escape(bytes({head[n] for head in _WATCHED})) for n in (1, 2, 3)), re.IGNORECASE
)
# The tags of those elements, in lower case only. The last group says that a start tag ends where it seems to.
_TEXT_TAG = re.compile(
    rb"<(/?)(t(?:itle|extarea|emplate)|s(?:tyle|cript|elect)|no(?:embed|frames|script)|xmp|iframe|plaintext|frameset)"
    rb"(?=[\t\n\f\r />])((?:[ ][a-z-]++=\"[^\"<>]*+\")*+[ ]*+>)?"
)
_AFTER_NAME = (b"\t", b"\n", b"\f", b"\r", b" ", b"/", b">")
_LOOK_BACK = 64  # octets of white space between "=" and a quote; more is for the thorough way
_TAIL = 256  # octets in which the last end tag mostly stands
_END_TAG = 16  # octets that hold the end tag of each of the elements, up to what follows its name

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
    return _quick(text) or _thorough(text)


def _quick(text: bytes) -> Place | None:
    """
    Prove that the last ``</body>`` is markup, by looking back from it; None when that does not show it.

    At that offset the tokenizer is in exactly one of its states, and each but "data" is ruled out:
    a quoted value opens by a quote behind "=", and the last quote of each kind is not such a one;
    a tag or a bogus comment has no unquoted ">" so far, but behind the last ">" stands no "<" that could have begun
    it, nor a quote that could have closed a value around that ">";
    a comment would have a closing mark, for there is one behind the last opening mark;
    an element whose content is text would have its end tag, for these come in pairs behind plain start tags.
    """
    place = _last_body_end(text)
    if place < 0 or text[place + 6 : place + 7] not in _AFTER_NAME:
        return None
    between = text[text.rfind(b">", 0, place) + 1 : place]
    if b"<" in between or b'"' in between or b"'" in between:
        return None
    if any(_opens_value(text, text.rfind(quote, 0, place)) for quote in (b'"', b"'")):
        return None
    comment = element = -1
    for found in _WATCH.finditer(text, 0, place):
        head = found[0].lower()
        if head == b"<!--":
            comment = found.start()
        elif head in _WATCHED:
            element = found.start()
    if comment >= 0 and text.rfind(b"-->", 0, place) < comment:
        return None
    return None if element >= 0 and not _end_in_pairs(text, element, place) else Place(place, "</body>")


def _last_body_end(text: bytes) -> int:
    """Find the last ``</body`` in any case; -1 where there is none."""
    tail = max(0, len(text) - _TAIL)
    found = text[tail:].lower().rfind(b"</body")
    return tail + found if found >= 0 else text.lower().rfind(b"</body")


def _end_in_pairs(text: bytes, last: int, place: int) -> bool:
    """Whether the elements whose content is text have their end tags before the place; the last begins at ``last``."""
    end = text.find(b"</", last, place)
    if end < 0:
        return False
    open_element = b""
    for closes, name, tag_end in _TEXT_TAG.findall(text[: min(end + _END_TAG, place)].lower()):
        if name not in _TEXT_ELEMENTS or (name != open_element if closes else open_element or not tag_end):
            return False
        open_element = b"" if closes else name
    return not open_element


def _opens_value(text: bytes, quote: int) -> bool:
    before = text[max(0, quote - _LOOK_BACK) : max(0, quote)].rstrip(b"\t\n\f\r ")
    return quote >= 0 and (before.endswith(b"=") or not before)


def _thorough(text: bytes) -> Place | None:
    """Walk over the whole text."""
    body = html = -1
    at = 0
    for _ in range(_MAX_SPECIAL):
        at = _end(_RUN.match(text, at))
        if at == len(text):
            return _chosen(body, html) or _at_the_end(text)
        stop = _STOP.match(text, at)
        if stop is None:
            return _before_the_rest(text, at, body, html)
        word = stop[1].lower()
        if word == b"/body":
            body, after = at, stop.end()
        elif word == b"/html":
            html, after = at, stop.end()
        else:
            after = _past(text, word, stop.end())
        if after < 0:
            return _chosen(body, html)
        at = after
    return None


def _end(match: re.Match[bytes] | None) -> int:
    assert match is not None  # the expressions of runs match the empty text too
    return match.end()


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
    """Skip an element whose content is markup. Another special element inside is too much: the rest is hidden."""
    depth = 1
    for _ in range(_MAX_SPECIAL):
        tag = _TAG.match(text, _end(_REGION_RUN[name].match(text, at)))
        if tag is None or tag[2].lower() != name or (name == b"select" and not tag[1]):
            return -1
        at = tag.end()
        depth += -1 if tag[1] else 1
        if depth == 0:
            return at
    return -1


def _hidden_at_end(text: bytes) -> bool:
    """
    Say whether an element with ``display:none`` or ``hidden`` may still be open where the text ends.

    Tags are counted by their looks here, comments included, and only so many: a wrong yes costs one pixel, no mail.
    """
    lower = text.lower()
    counted = 0
    for number, hint in enumerate(_HIDING.finditer(lower)):
        if number >= _MAX_HIDING:
            return True
        start = lower.rfind(b"<", 0, hint.start())
        name = _NAME.match(lower, max(start, 0))
        if name is None or name[1] in _EMPTY_ELEMENTS or lower.find(b">", start, hint.start()) >= 0:
            continue  # a word of the text, a rule of a style sheet, or an element without an inside
        depth = 0
        for tag in re.compile(rb"<(/?)%s(?=[\t\n\f\r />])" % re.escape(name[1])).finditer(lower, start):
            counted += 1
            depth += -1 if tag[1] else 1
            if depth == 0:
                break
        if depth or counted > _MAX_HIDDEN:
            return True
    return False
