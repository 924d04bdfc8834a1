"""
Addresses as reports write them: behind ``rfc822;``, in angle brackets, in xtext, in quotes, in the middle of a line.

Pure: no I/O, no clock, no chance.
"""

import re

_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_WIDE = "\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\u201c-\u201f"  # full-width punctuation
# An address in running text: a local part without what delimits it, or a quoted one; then a host name.
IN_TEXT = re.compile(
    rf"(?:\"[^\"\n@]{{1,64}}\"|[^\s<>()\[\]:;,\"@\\|{{}}{_WIDE}]{{1,100}}\"?)@"
    rf"(?:\[[0-9.]{{7,15}}\]|[^\s<>()\[\]:;,\"'@\\|{{}}!?*=/`{_WIDE}]{{1,253}})"
)
# Scripts that set no blanks: a sentence runs into the address in it.
_UNSPACED = "[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_SENTENCE_BEFORE = re.compile(f"^.*{_UNSPACED}(?=[!-~]{{1,100}}@)")
_SENTENCE_BEHIND = re.compile(rf"(@[!-~]{{1,200}}\.[A-Za-z]{{2,20}}){_UNSPACED}.*$")


def from_field(value: str) -> str:
    """
    Read the address of a recipient field (RFC 3464 section 2.3.1 and 2.3.2, RFC 6533 section 3).

    Returns:
        The address in the writing of the report, ``""`` when the field holds none (X.400 and the like).
    """
    kind, semicolon, rest = value.partition(";")
    if not semicolon or "@" in kind:
        kind, rest = "rfc822", value
    kind = kind.strip().lower()
    if kind.startswith(("x400", "x.400")):
        return ""
    rest = rest.strip()
    if kind.startswith(("rfc822", "rfc 822")) and rest.lower().startswith("rfc822;"):
        rest = rest[7:].strip()
    if kind == "utf-8" or "\\x{" in rest:
        rest = _UNITEXT.sub(
            lambda m: chr(min(int(m[1], 16), 0x10FFFF)) if not 0xD800 <= int(m[1], 16) <= 0xDFFF else "", rest
        )
    return clean(rest)


def clean(text: str) -> str:
    """Take what surrounds an address away: brackets, quotes, comments, ``mailto:``, trailing dots."""
    text = text.strip()
    if "<" in text and ">" in text:
        inner = text[text.rfind("<") + 1 :].partition(">")[0]
        text = inner if "@" in inner or not text.rpartition("<")[0].strip() else text
    if "@" in text:
        text = _COMMENT.sub("", text).strip()
    text = (
        text.strip("<> \t\"'").strip()
        if text.count('"') != 2 or not text.startswith('"') or '"@' not in text
        else text.strip("<> \t")
    )
    if text.lower().startswith(("smtp:", "mailto:", "rfc822:", "smtp=")):
        text = text[5:] if text.lower().startswith("smtp") else text.partition(":")[2]
    if text.startswith("@") and ":" in text:  # source route, RFC 5321 appendix C
        text = text.partition(":")[2]
    if not text.startswith('"') and (match := IN_TEXT.search(text)):
        text = match[0]
        if text.lower().startswith("smtp="):
            text = text[5:]
    if not text.isascii():
        text = _SENTENCE_BEHIND.sub(r"\1", _SENTENCE_BEFORE.sub("", text))
    text = text.rstrip(".,;:>")
    return "" if len(text) > 320 or any(c.isspace() for c in text.strip('"').partition("@")[2]) else text


def xtext(address: str) -> str:
    """Decode xtext (RFC 3461 section 4): ``anna+2Binvoices@...``; only where it says something printable."""
    return _XTEXT.sub(lambda m: chr(int(m[1], 16)) if 0x21 <= int(m[1], 16) <= 0x7E else m[0], address)


def key(address: str) -> str:
    """Give what two writings of one address have in common."""
    return address.strip().strip("<>").lower()


def plausible(address: str) -> bool:
    """Whether this is an address that somebody could be written to."""
    local, at, domain = address.rpartition("@")
    return bool(at and local and domain) and "." in domain.strip(".") and not domain.startswith(("-", "."))
