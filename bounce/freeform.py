"""
Read reports that are only words: qmail, Exim, old Sendmail, Exchange, Notes, carriers, providers of many countries.

There is no reader for each system. They differ in their sentences, but all of them set the address apart: at the
head of a line, behind a label, in brackets before a colon, in the reply they quote. Every place of an address is
weighed by how it stands there; the best places win. The words around an address name its reason.

Pure: no I/O, no clock, no chance.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from bounce import addresses_in
from bounce.classify import Finding, classify_texts
from bounce.material import Material
from bounce.reported import MAX_RECIPIENTS, ReportedRecipient

_LINES = 400
_WIDTH = 600  # octets of a line that are looked at
# What may stand before an address that a report is about: a bullet, a label, a reply code.
_LABEL = re.compile(
    r"[\W_]{0,40}(?:(?:(?:failed |final |original |intended |message |e-?mail |invalid |unknown )?"
    r"(?:recipients?|recips?|rcpt(?: to)?|to|address(?:es|ee)?|users?|mailbox|account|for|smtp|destination|mail to|e-?mail|"
    r"empf\w{1,3}nger|an|adresse|destinataires?|destinatari[oa]s?|para|a|per|ontvanger|adresat|odbiorca|komu|получател\w{0,3}|кому|адрес\w{0,3}|宛先|送信先|收件人|收件者|받는 사람)"
    r"(?: address| e-?mail| name| is| was| unknown)?[\W_]{0,12}|(?:\[?[45][0-9]{2}\]?[ -](?:[45]\.[0-9]{1,3}\.[0-9]{1,3} )?)(?:user |recipient |unknown user )?[\W_]{0,8}))?$",
    re.IGNORECASE,
)
_IN_REPLY = re.compile(
    r"(?:[45][0-9]{2}[ -][^\n]{0,60}|rcpt to:? ?|>>> rcpt to: ?|delivered to:? ?|deliver(?:y)? (?:your )?(?:\w+ ){0,4}to:? ?|reach(?: the following recipient)?:? ?|addressed(?: to)?[,:]? ?|(?:user|recipient|mailbox|account|address|addressee|benutzer|usuario|utente|utilisateur|destinatario)\W{1,4})[<\"'(\[]{0,3}$",
    re.IGNORECASE,
)
_INTRO = re.compile(
    r"follow|deliver|recipient|address|fail|reach|undeliver|problem|folgend|empf|adress|destinat|suivant|siguiente|direcci|seguent|seguint|endere|indirizz|consegn|recapit|volgende|nast|odbior|получат|адрес|следующ|доставл|宛先|送信先|次の|以下|收件|地址|下列|다음",
    re.IGNORECASE,
)
_NOT_ABOUT = re.compile(
    r"contact|postmaster|help|support|question|assist|report .{0,30} to|send .{0,20} to|abuse|mail from|sender|from:|reply-to|absender|exp\wditeur|remitente|mittente|nadawc|message-?id|refer|envelope-from|отправител|your address|@.{0,30}wrote|unsubscribe|visit|administrator",
    re.IGNORECASE,
)
_LIST_COMMANDS = ("-ctl", "-request", "-help", "-subscribe", "-unsubscribe", "-owner", "-admin")
_FOR = re.compile(r"\bfor <([^<>\s@]{1,100}@[^<>\s@]{1,253})>")
_MAILBOX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{1,60}")
_BAD_LOCAL = frozenset({"mailer-daemon", "postmaster", "abuse", "mail-daemon", "mdaemon"})
_FIELD = re.compile(
    r"[ \t>]{0,8}(?:message-id|content-|references|in-reply-to|x-[a-z]|date|mime-version|reply-to|sender|errors-to|list-|resent-)",
    re.IGNORECASE,
)

_FOR_GOOD = re.compile(
    r"permanent(?:ly)? (?:error|fatal|fail)|failed permanently|dauerhaft|(?:erreur|error|erro|errore) permanente",
    re.IGNORECASE,
)
# Exchange repeats everything in a second block for administrators, under other names of the same mailbox.
_FOR_ADMINS = re.compile(
    r"\W{0,5}[^\n]{0,30}(?:diagnos|diagn[oó]stic|диагност|診断|诊断|診斷)[^\n]{0,60}"
    r"(?:admin|管理|rendszerg|spr[aá]vc|järjestelm|yönetici|관리자|адм)",
    re.IGNORECASE,
)


# The head of the returned mail as Exchange and others quote it: To above Subject or Sent.
_QUOTED_TO = re.compile(r"[ \t>]{0,8}(?:to|cc|an|à|para|a|aan|do|komu|кому|宛先)[ \t]{0,3}:", re.IGNORECASE)
_QUOTED_SUBJECT = re.compile(
    r"[ \t>]{0,8}(?:subject|sent|betreff|gesendet|objet|envoy\w|asunto|enviado|oggetto|inviato|onderwerp|verzonden|assunto|temat|тема)[ \t]{0,3}:",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Place:
    address: str
    line: int
    weight: int


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
    places = _weigh_places(lines, material)
    chosen = _choose(places, material)
    if not chosen:
        return [
            _entry(
                _fallback(material),
                [" ".join(material.text.split())[:4_000], material.headers.decoded("subject")],
                action,
            )
        ]
    entries = []
    permanent = bool(_FOR_GOOD.search(material.text[:5_000])) or None
    marks = sorted({place.line for place in chosen.values()})
    for place in chosen.values():
        texts = _words_around(lines, place, marks)
        if len(chosen) == 1:
            texts += [" ".join(material.text.split())[:4_000], material.headers.decoded("subject")]
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


def _weigh_places(lines: list[str], material: Material) -> list[_Place]:
    ours = _not_recipients(material)
    returned_to = _returned_to(material)
    places: list[_Place] = []
    introduced = 0
    head = -1  # indent of the entry this paragraph began with; what is indented deeper tells about that entry
    for n, line in enumerate(lines):
        if _FOR_ADMINS.match(line) and any(place.weight >= 4 for place in places):
            break
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            head = -1
        found = list(addresses_in.IN_TEXT.finditer(line)) if "@" in line else []
        for match in found[:20]:
            address = addresses_in.clean(match[0])
            if not addresses_in.plausible(address) or addresses_in.key(address) in ours:
                continue
            weight = _weight(line, match, introduced=introduced > 0)
            if found and _QUOTED_TO.match(line) and any(map(_QUOTED_SUBJECT.match, lines[n + 1 : n + 5])):
                weight = min(weight, 1)
            if 0 <= head < indent:
                weight = min(weight, 2)
            elif weight >= 3 and head < 0:
                head = indent
            if addresses_in.key(address) in returned_to:
                weight += 2
            local = address.partition("@")[0].lower()
            if local in _BAD_LOCAL:
                weight -= 2
            elif local.endswith(_LIST_COMMANDS):
                weight -= 3
            places.append(_Place(address, n, weight))
        if _INTRO.search(line):
            introduced = 6
        elif not (found or not line.strip()):
            introduced -= 1
    return places


def _weight(line: str, match: re.Match[str], *, introduced: bool) -> int:
    before, after = line[: match.start()], line[match.end() :]
    if _FIELD.match(line):
        return 0
    weight = 1
    if match[0][:5].lower() == "smtp=":
        return 4  # an SMTP address in X.400 clothes
    if _LABEL.match(before):
        weight = (
            4
            if introduced or after.lstrip(" >\"')]")[:1] in (":", "") or after.startswith(("...", ">...", "> ..."))
            else 3
        )
    elif _IN_REPLY.search(before):
        weight = 3
    if weight < 4 and _NOT_ABOUT.search(before):
        weight -= 2
    return weight


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


def _choose(places: list[_Place], material: Material) -> dict[str, _Place]:
    """Choose the recipients: what the header names, else what stands best."""
    named = {addresses_in.key(a): a for a in _failed_field(material)}
    best: dict[str, _Place] = {}
    for place in places:
        known = best.get(addresses_in.key(place.address))
        if known is None or place.weight > known.weight:
            best[addresses_in.key(place.address)] = place
    top = max((place.weight for place in best.values()), default=0)
    if named and (top < 4 or any(key in best for key in named)):
        return {key: best.get(key, _Place(address, -1, 9)) for key, address in named.items()}
    if top <= 0:
        return {}
    floor = 4 if top >= 4 else top
    chosen = {key: place for key, place in best.items() if place.weight >= floor}
    return chosen if top >= 3 else dict(list(chosen.items())[:1])


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
    return addresses_in.clean(found[0]) if len(found) == 1 else ""


def _without_domain(material: Material) -> str:
    """Read a mailbox that a provider names without its own domain: alone on a line behind a colon."""
    daemon = addresses_in.clean(material.headers.decoded("from")).rpartition("@")[2]
    lines = [line for line in material.text.split("\n", 60)[:60] if line.strip()]
    for before, line in pairwise(lines):
        if before.rstrip().endswith(":") and line.startswith((" ", "\t")) and _MAILBOX.fullmatch(line.strip()):
            return f"{line.strip()}@{daemon}" if "." in daemon else ""
    return ""


def _words_around(lines: list[str], place: _Place, marks: list[int]) -> list[str]:
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
    return [" ".join(" ".join(taken).split())[:3_000]]
