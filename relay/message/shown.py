"""
What a mail shows to people, for the preview on the pages: never an exception, whatever the bytes, and linear in them.

Pure: no I/O, no clock, no chance.
"""

import base64
import binascii
import re
from urllib.parse import unquote

from relay.message import header as headers
from relay.message.body import untouched
from relay.message.charset import decode_text, known_codec
from relay.message.mime import Part, Structure, scan
from store.shown import Attachment, Shown

MOST = 2 * 1024 * 1024  # octets of a text that are shown
_MOST_IMAGE = 512 * 1024  # octets of one inline image
_MOST_IMAGES = 4 * 1024 * 1024  # of all of them, as data:
_MOST_ATTACHMENTS = 200
_MOST_FIELDS = 500
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # an SVG could hold more than a picture
_CID = re.compile(r"cid:([^\s\"'<>()]{1,998})", re.IGNORECASE)


def shown(raw: bytes) -> Shown:
    """Read a mail as it was accepted."""
    structure = scan(raw)
    html, text = _bodies(raw, structure)
    fields = [
        (raw[field.start : field.value_start].rstrip(b": \t").decode("latin-1"), headers.text(raw, field))
        for field in headers.scan(raw).fields[:_MOST_FIELDS]
        if field.name
    ]
    with_images = _with_images(raw, structure, _text_of(raw, structure.parts[html])) if html >= 0 else ""
    return Shown(
        html=with_images,
        text=_text_of(raw, structure.parts[text]) if text >= 0 else "",
        attachments=tuple(_attachments(raw, structure, {html, text})),
        fields=tuple(fields),
        parts=tuple(
            (part.number, part.depth, part.kind.essence, part.end - part.body) for part in structure.parts[:200]
        ),
        trouble=structure.trouble,
    )


def _bodies(raw: bytes, structure: Structure) -> tuple[int, int]:
    """Give the first HTML and the first text that are no attachment and in no forwarded mail; -1: none."""
    found = {"text/html": -1, "text/plain": -1}
    for index, part in enumerate(structure.parts):
        kind = part.kind.essence
        if found.get(kind, 0) < 0 and not part.names_a_file and part.disposition != "attachment":
            found[kind] = index
    del raw
    return found["text/html"], found["text/plain"]


def _attachments(raw: bytes, structure: Structure, bodies: set[int]) -> list[Attachment]:
    listed: list[Attachment] = []
    for index, part in enumerate(structure.parts):
        if part.multipart or index in bodies or len(listed) >= _MOST_ATTACHMENTS:
            continue
        listed.append(
            Attachment(
                name=_name(raw, part),
                kind=part.kind.essence,
                octets=_decoded_length(raw, part),
                number=part.number,
                inline=bool(_content_id(raw, part)) and part.disposition != "attachment",
            )
        )
    return listed


def _name(raw: bytes, part: Part) -> str:
    """Give the file name in any of its forms (RFC 2183, RFC 2231, RFC 2047), in one line."""
    for field_name in ("content-disposition", "content-type"):
        field = part.header.first(field_name)
        if field is None:
            continue
        value = headers.value(raw, field).decode("latin-1")
        extended = re.search(r"\b(?:file)?name\*(?:0\*)?=\s*\"?([\w.-]*)'[^']*'([^;\"]*)", value, re.IGNORECASE)
        if extended:
            codec = known_codec(extended[1]) or "utf-8"
            return headers.printable(unquote(extended[2], encoding=codec, errors="replace"))[:255]
        plain = re.search(r"\b(?:file)?name(?:\*0)?=\s*(?:\"([^\"]*)\"|([^;\s]*))", value, re.IGNORECASE)
        if plain:
            written = (plain[1] if plain[1] is not None else plain[2]).encode("latin-1")
            return headers.printable(headers.decode_words(written))[:255]
    return ""


def _octets(raw: bytes, part: Part, most: int) -> bytes:
    """Give the content decoded from its transfer encoding, about ``most`` octets of it."""
    body = raw[part.body : min(part.end, part.body + 2 * most)]
    if part.encoding == "base64":
        plain = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        try:
            return base64.b64decode(plain[: len(plain) // 4 * 4] + _padded(plain[len(plain) // 4 * 4 :]))[:most]
        except binascii.Error:
            return b""
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(body)[:most]
    return body[:most]


def _padded(rest: bytes) -> bytes:
    return rest + b"=" * (-len(rest) % 4) if len(rest) > 1 else b""


def _decoded_length(raw: bytes, part: Part) -> int:
    length = part.end - part.body
    if part.encoding != "base64":
        return length
    line_ends = raw.count(b"\r\n", part.body, part.end)
    padding = raw.count(b"=", max(part.body, part.end - 6), part.end)
    return max(0, (length - 2 * line_ends) // 4 * 3 - padding)


def _text_of(raw: bytes, part: Part) -> str:
    if untouched(part):
        return ""
    octets = _octets(raw, part, MOST)
    codec = known_codec(part.kind.parameters.get("charset", ""))
    if not codec:
        return decode_text(octets)
    try:
        return octets.decode(codec, "replace")
    except (LookupError, UnicodeError):
        return decode_text(octets)


def _content_id(raw: bytes, part: Part) -> str:
    field = part.header.first("content-id")
    return headers.value(raw, field).decode("latin-1").strip("<> \t") if field else ""


def _with_images(raw: bytes, structure: Structure, html: str) -> str:
    """Put the mail's own images into the HTML as data:, since a preview may load nothing."""
    by_id = {
        content_id: part
        for part in structure.parts
        if part.kind.essence in _IMAGES and (content_id := _content_id(raw, part))
    }
    left = _MOST_IMAGES
    made: dict[str, str] = {}

    def image(match: re.Match[str]) -> str:
        nonlocal left
        name = unquote(match[1])
        part = by_id.get(name)
        if part is None or part.end - part.body > 2 * _MOST_IMAGE:
            return match[0]
        if name not in made:
            octets = _octets(raw, part, _MOST_IMAGE)
            made[name] = f"data:{part.kind.essence};base64,{base64.b64encode(octets).decode()}"
        if len(made[name]) > left:
            return match[0]
        left -= len(made[name])
        return made[name]

    return _CID.sub(image, html) if by_id else html
