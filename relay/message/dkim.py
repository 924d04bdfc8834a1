"""
DKIM signatures (RFC 6376, RFC 8463): the fields that go on top of a mail, the last thing done to it.

The header is always taken ``relaxed``, the body ``simple`` or ``relaxed``. ``l=`` is never used, since it would let
anybody add text to a signed mail, nor ``i=``. The same mail, keys and time give the same bytes.

Pure: no I/O, no clock, no chance.
"""

import base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from relay.message import header as headers
from relay.message.dkim_body import BodyHash, Canonicalization
from relay.message.dkim_key import SigningKey
from relay.message.header import Field
from relay.message.intake import addresses_in
from store.addresses import ascii_domain, split_address

# Signed even where they are missing, and once more than they are there: none can be added (RFC 6376 section 8.15).
_ALWAYS = ("From", "Subject", "Date", "To", "Cc")
# Of these a mail has one at most (RFC 5322 section 3.6, RFC 2045): where one is there, no second can be added, such as
# another Content-Type that would show the body as something else. A missing one may be added on the way.
_ONCE = ("Reply-To", "Sender", "Message-ID", "In-Reply-To", "References")
_ONCE_MIME = ("MIME-Version", "Content-Type", "Content-Transfer-Encoding")
# All that are there are signed. RFC 6376 section 5.4.1; RFC 8058 section 4 for List-Unsubscribe-Post. Never what
# changes on the way: Received, Return-Path, Authentication-Results.
_AS_THEY_ARE = (
    "Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "List-Id", "List-Help", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Feedback-ID",
)  # fmt: skip
_ORDER = {name.lower(): name for name in (*_ALWAYS, *_ONCE, *_ONCE_MIME, *_AS_THEY_ARE)}
_SINGLE = frozenset((*_ONCE, *_ONCE_MIME))

_LINE = 77  # octets of a folded line, without CRLF; RFC 5322 section 2.1.1 asks for at most 78


class SignedHeader(NamedTuple):
    """What signatures say of a header. It is the same for all copies with this header, and for all keys."""

    from_domain: str  # of the first address in From, as A-labels; "" when there is none that DNS can know
    names: bytes  # the tag h=, folded
    text: bytes  # the signed fields, canonical, each ended by CRLF
    top: int  # where signatures go
    body: int  # where the body begins
    why: str  # why it cannot be signed; "" when it can


def read_header(raw: bytes) -> SignedHeader:
    """Take from a mail's header what is signed. Never raises, and the work is linear, whatever the bytes."""
    header = headers.scan(raw)
    found: dict[str, list[Field]] = {}
    for field in header.fields:
        if field.name in _ORDER:
            found.setdefault(field.name, []).append(field)
    sender = found.get("from", [])
    domain = _domain(raw, sender)
    why = "" if domain else "it has no From" if not sender else "From names no domain"
    names: list[str] = []
    lines: list[bytes] = []
    for lower, name in _ORDER.items():
        fields = found.get(lower)
        if fields:
            names += [name] * len(fields)
            lines += [_relaxed(raw, field) for field in reversed(fields)]  # from the bottom up, section 5.4.2
        if name in _ALWAYS or (fields and name in _SINGLE):
            names.append(name)
    return SignedHeader(domain, _fold_names(tuple(names)), b"".join(lines), header.top, header.body, why)


class Unsigned(NamedTuple):
    """A signature's field that wants nothing but its signature."""

    key: SigningKey
    text: bytes  # what is signed
    field: bytes  # up to the value of b=

    def signed(self, signature: bytes) -> bytes:
        """Give the whole field, ended by CRLF."""
        value = base64.b64encode(signature)
        first = _LINE - len(b" b=")
        rest = [b"\r\n " + value[at : at + _LINE - 1] for at in range(first, len(value), _LINE - 1)]
        return b"%s%s%s\r\n" % (self.field, value[:first], b"".join(rest))


def unsigned(
    raw: bytes,
    keys: Sequence[SigningKey],
    *,
    at: float,
    canonicalization: Canonicalization = "simple",
    header: SignedHeader | None = None,
    body_digest: bytes | None = None,
) -> list[Unsigned]:
    """
    Write all of a mail's signatures but what the keys compute.

    Args:
        raw: The mail as it leaves: CRLF line ends, no dots stuffed. A last line without CRLF counts as if it had one.
        keys: Their signatures stand in this order.
        at: Unix seconds of acceptance, the tag t=: a retry has the same bytes.
        canonicalization: Of the body.
        header: From ``read_header`` of this mail, or of another copy with the same header.
        body_digest: From a ``BodyHash`` of this body and canonicalization, where it is known already.

    Returns:
        One for each key; none for a mail that cannot be signed (``SignedHeader.why``).
    """
    header = header or read_header(raw)
    if header.why or not keys:
        return []
    if body_digest is None:
        body_digest = BodyHash(canonicalization).update(raw, header.body).digest()
    body_hash = b"bh=" + base64.b64encode(body_digest)
    return [_unsigned(header, key, body_hash, at=int(at), canonicalization=canonicalization) for key in keys]


def signatures(
    raw: bytes,
    keys: Sequence[SigningKey],
    *,
    at: float,
    canonicalization: Canonicalization = "simple",
    header: SignedHeader | None = None,
    body_digest: bytes | None = None,
) -> bytes:
    """
    Sign a mail with each key: as ``unsigned``, and the keys' work with it.

    Returns:
        One DKIM-Signature field for each key, each ended by CRLF, for the top of the mail; b"" for a mail that cannot
        be signed (``SignedHeader.why``).
    """
    fields = unsigned(raw, keys, at=at, canonicalization=canonicalization, header=header, body_digest=body_digest)
    return b"".join(field.signed(field.key.sign(field.text)) for field in fields)


def _unsigned(
    header: SignedHeader, key: SigningKey, body_hash: bytes, *, at: int, canonicalization: Canonicalization
) -> Unsigned:
    """Write one signature's field. Its own text is signed too, with an empty b= and without CRLF (section 3.7)."""
    start = _start(key.algorithm, canonicalization, key.domain, key.selector, at)
    field = b"%s\r\n %s;\r\n %s;\r\n b=" % (start, header.names, body_hash)
    own_text = field.replace(b"\r\n", b"").replace(b"DKIM-Signature: ", b"dkim-signature:", 1)
    return Unsigned(key, header.text + own_text, field)


@lru_cache(64)
def _start(algorithm: str, canonicalization: Canonicalization, domain: str, selector: str, at: int) -> bytes:
    """Write the tags that are the same for all mails of a second."""
    tags = [
        b"v=1",
        b"a=" + algorithm.encode("ascii"),
        b"c=relaxed/" + canonicalization.encode("ascii"),
        b"d=" + domain.encode("ascii"),
        b"s=" + selector.encode("ascii"),
        b"t=%d" % at,
    ]
    return _fold_tags(b"DKIM-Signature:", tags)


def _domain(raw: bytes, fields: Iterable[Field]) -> str:
    """Give the domain of the first address in From."""
    for field in fields:
        for address in addresses_in(headers.value(raw, field)):
            return ascii_domain(split_address(address)[1])
    return ""


def _relaxed(raw: bytes, field: Field) -> bytes:
    """Write a field as section 3.4.2 has it: unfolded, one blank for all white space, none at the ends."""
    unfolded = raw[field.value_start : field.end].replace(b"\r\n", b"").replace(b"\t", b" ")
    if b"  " in unfolded:
        unfolded = b" ".join(filter(None, unfolded.split(b" ")))
    return b"%s:%s\r\n" % (field.name.encode("ascii"), unfolded.strip(b" "))


def _fold_tags(start: bytes, tags: Iterable[bytes]) -> bytes:
    """Write tags one behind the other, on as many lines as they need."""
    lines = [start]
    for tag in tags:
        if len(lines[-1]) + len(tag) + 2 > _LINE:
            lines.append(b"")
        lines[-1] += b" %s;" % tag
    return b"\r\n".join(lines)


@lru_cache(64)
def _fold_names(names: tuple[str, ...]) -> bytes:
    """Write the tag h=: names with colons between them. It starts a line of its own, behind one blank."""
    lines = ["h="]
    last = len(names) - 1
    for place, name in enumerate(names):
        word = name if place == last else name + ":"
        if len(lines[-1]) + len(word) + 2 > _LINE:
            lines.append("")
        lines[-1] += word
    return "\r\n ".join(lines).encode("ascii")
