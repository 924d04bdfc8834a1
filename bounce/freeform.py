"""
Read reports that are only words: qmail, Exim, old Sendmail, Exchange, Notes, carriers, providers of many countries.

There is no reader for each system. They differ in their sentences, but all of them set the address apart: at the
head of a line, behind a label, in brackets before a colon, in the reply they quote. Every place of an address is
weighed by how it stands there; the best places win. The words around an address name its reason.

Pure: no I/O, no clock, no chance.
"""

import re
from itertools import pairwise

from bounce import addresses_in
from bounce.classify import Finding, classify_texts
from bounce.material import Material, without_fields
from bounce.places import NEARLY, SET_APART, Place, weigh_places
from bounce.reported import MAX_RECIPIENTS, ReportedRecipient

_LINES = 400
_WIDTH = 600  # octets of a line that are looked at
_FOR = re.compile(r"\bfor <([^<>\s@]{1,100}@[^<>\s@]{1,253})>")
_MAILBOX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{1,60}")
_ALONE = re.compile(r"[\s<>\"']{0,20}[^\s<>@]{1,100}@[^\s<>@]{1,253}[\s<>\"']{0,20}")
_VERP = re.compile(r"[+-]([^\s<>@=]{1,64})=([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})@")
_FOR_GOOD = re.compile(
    r"permanent(?:ly)? (?:error|fatal|fail)|failed permanently|dauerhaft|(?:erreur|error|erro|errore) permanente",
    re.IGNORECASE,
)


def read_freeform(material: Material, *, action: str) -> list[ReportedRecipient]:
    """
    Read the recipients of a report without machine-readable part.

    Args:
        material: The mail.
        action: ``failed`` or ``delayed``, as its words say.

    Returns:
        At least one entry; its address is ``""`` when the mail tells none.
    """
    lines = [line[:_WIDTH] for line in material.text.split("\n", _LINES)[:_LINES]]
    places = weigh_places(lines, ours=_not_recipients(material), returned_to=_returned_to(material))
    chosen = _choose(places, material)
    if not chosen:
        return [
            _entry(
                _fallback(material),
                [material.words[:4_000], material.headers.decoded("subject")],
                action,
            )
        ]
    entries = []
    permanent = bool(_FOR_GOOD.search(material.text[:5_000])) or None
    marks = sorted({place.line for place in chosen.values()})
    above = _reasons_above(lines, marks)
    for place in chosen.values():
        texts = _words_above(lines, place, marks) if above else _words_around(lines, place, marks)
        if len(chosen) == 1:
            texts += [material.words[:4_000], material.headers.decoded("subject")]
        else:
            texts.append(_words_elsewhere(lines, place))
        entries.append(_entry(place.address, texts, action, permanent=permanent))
    return entries[:MAX_RECIPIENTS]


def _entry(address: str, texts: list[str], action: str, *, permanent: bool | None = None) -> ReportedRecipient:
    finding: Finding = classify_texts([text for text in texts if text.strip()], action=action, permanent=permanent)
    return ReportedRecipient(
        address=address,
        action=action,
        status=finding.status,
        reason=finding.reason,
        permanent=finding.permanent,
        diagnostic=next((text for text in texts if text.strip()), "")[:1_000],
        rule=finding.rule,
    )


def _not_recipients(material: Material) -> set[str]:
    """Give the addresses that speak or are spoken to: the report's own To and From, the original sender."""
    headers = material.headers
    names = (
        "to",
        "from",
        "reply-to",
        "sender",
        "return-path",
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "x-envelope-to",
    )
    ours = {
        addresses_in.key(a)
        for name in names
        for value in headers.all(name)
        for a in addresses_in.IN_TEXT.findall(value)[:10]
    }
    if material.returned:
        for name in ("from", "return-path", "sender", "reply-to", "errors-to"):
            ours |= {addresses_in.key(a) for a in addresses_in.IN_TEXT.findall(material.returned.get(name))[:5]}
    failed = {addresses_in.key(a) for a in _failed_field(material)}
    return ours - failed - _returned_to(material)


def _returned_to(material: Material) -> set[str]:
    if material.returned is None:
        return set()
    found = (
        a
        for name in ("to", "cc", "x-hmxmroriginalrecipient", "x-rcpt-to")
        for a in addresses_in.IN_TEXT.findall(material.returned.get(name))[:20]
    )
    return {addresses_in.key(a) for a in found}


def _failed_field(material: Material) -> list[str]:
    """Give the addresses of X-Failed-Recipients and its like, which the system itself wrote."""
    found: list[str] = []
    for name in (
        "x-failed-recipients",
        "x-failed-recipient",
        "x-original-recipientlist",
        "x-bounced-address",
        "original-recipient",
        "final-recipient",
    ):
        for value in material.headers.all(name):
            found += [addresses_in.clean(a) for a in addresses_in.IN_TEXT.findall(value)[:MAX_RECIPIENTS]]
    return found


def _choose(places: list[Place], material: Material) -> dict[str, Place]:
    """Choose the recipients: what the header names, else what stands best."""
    named = {addresses_in.key(a): a for a in _failed_field(material)}
    best: dict[str, Place] = {}
    for place in places:
        known = best.get(addresses_in.key(place.address))
        if known is None or place.weight > known.weight:
            best[addresses_in.key(place.address)] = place
    top = max((place.weight for place in best.values()), default=0)
    if named and (top < SET_APART or any(key in best for key in named)):
        return {key: best.get(key, Place(address, -1, 9)) for key, address in named.items()}
    if top <= 0:
        return {}
    floor = min(SET_APART, top)
    chosen = {key: place for key, place in best.items() if place.weight >= floor}
    return chosen if top >= NEARLY else dict(list(chosen.items())[:1])


def _fallback(material: Material) -> str:
    """Give the one address that the returned mail was for, when the report's words name none."""
    if material.returned is None:
        return _without_domain(material)
    ours = _not_recipients(material)
    for received in material.returned.all("received"):
        match = _FOR.search(received)
        if match and addresses_in.key(match[1]) not in ours:
            return match[1]
    found = addresses_in.IN_TEXT.findall(material.returned.get("to"))[:2]
    return addresses_in.clean(found[0]) if len(found) == 1 else _in_return_path(material)


def _without_domain(material: Material) -> str:
    """Read a mailbox that a provider names without its own domain: alone on a line behind a colon."""
    daemon = addresses_in.clean(material.headers.decoded("from")).rpartition("@")[2]
    lines = [line for line in material.text.split("\n", 60)[:60] if line.strip()]
    for before, line in pairwise(lines):
        if before.rstrip().endswith(":") and line.startswith((" ", "\t")) and _MAILBOX.fullmatch(line.strip()):
            return f"{line.strip()}@{daemon}" if "." in daemon else ""
    return _in_return_path(material)


def _in_return_path(material: Material) -> str:
    """Read the recipient that others write into their return paths: ``list-bounces+ann=customer.example@...``."""
    for name in ("to", "delivered-to", "x-original-to", "envelope-to"):
        if match := _VERP.search(material.headers.get(name)):
            return f"{match[1]}@{match[2]}"
    return ""


def _reasons_above(lines: list[str], marks: list[int]) -> bool:
    """Whether a report lists reason, then address (Notes): words above the first one, a gap below the last one."""
    first, last = marks[0], marks[-1]
    if first < 1 or (last + 1 < len(lines) and lines[last + 1].strip()) or len(marks) < 2:
        return False
    before = lines[first - 1].strip()
    return bool(before) and not before.endswith((":", ",", ";")) and all(_ALONE.fullmatch(lines[n]) for n in marks)


def _words_above(lines: list[str], place: Place, marks: list[int]) -> list[str]:
    """Give the words above an address, up to a gap or the address before."""
    start = place.line
    while start > 0 and lines[start - 1].strip() and start - 1 not in marks:
        start -= 1
    return [" ".join(" ".join(lines[start : place.line + 1]).split())[:3_000]]


def _words_around(lines: list[str], place: Place, marks: list[int]) -> list[str]:
    """Give the words that belong to an address: its line and what follows, up to the next one or a second gap."""
    if place.line < 0:
        return []
    taken: list[str] = []
    gaps = 0
    for n in range(place.line, min(len(lines), place.line + 25)):
        if n in marks and n != place.line and any(x.strip() for x in taken[1:]):
            break
        if not lines[n].strip():
            gaps += 1
            if gaps > 1 and len(taken) > 1:
                break
            continue
        taken.append(lines[n].strip())
    return [" ".join(without_fields("\n".join(taken)).split())[:3_000]]


def _words_elsewhere(lines: list[str], place: Place) -> str:
    """Give the other lines that name an address: old Sendmail lists all addresses first, then what was said of each."""
    key = addresses_in.key(place.address)
    return " ".join(line.strip() for n, line in enumerate(lines) if n != place.line and key in line.lower())[:3_000]
