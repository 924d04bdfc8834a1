"""
Weigh the places where addresses stand in the words of a report.

A report sets the address it is about apart: at the head of a line, behind a label, in brackets before a colon, in the
reply it quotes. 4 is set apart so, 3 nearly so, 1 somewhere in a sentence; an address of the returned mail's own
recipients gets 2 more, one that belongs to "contact" or "sent from" less.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bounce import addresses_in
from bounce.patterns import one_of

SET_APART = 4
NEARLY = 3


_LABELS = one_of(
    r"recipients? recips? rcpt(?:_to)? to address(?:es|ee)? users? mailbox account for smtp destination mail_to "
    r"e-?mail empf\w{1,3}nger an adresse destinataires? destinatari[oa]s? para a per ontvanger adresat odbiorca komu "
    r"получател\w{0,3} кому адрес\w{0,3} 宛先 送信先 收件人 收件者 받는_사람"
)
_KINDS_OF = one_of("failed_ final_ original_ intended_ message_ e-?mail_ invalid_ unknown_")
_CODE = r"\[?[45][0-9]{2}\]?[ -](?:[45]\.[0-9]{1,3}\.[0-9]{1,3} )?"
# What may stand before an address that a report is about: a bullet, a label, a reply code; nothing else.
_LABEL = re.compile(
    rf"[\W_]{{0,40}}(?:{_KINDS_OF}?{_LABELS}{one_of('_address _e-?mail _name _is _was _unknown')}?[\W_]{{0,12}}"
    rf"|{_CODE}(?:user |recipient |unknown user )?[\W_]{{0,8}})?$",
    re.IGNORECASE,
)
_NOUNS = one_of("user recipient mailbox account address addressee benutzer usuario utente utilisateur destinatario")
# What stands right before an address inside a quoted reply or a sentence about it.
_IN_REPLY = re.compile(
    r"(?:[45][0-9]{2}[ -][^\n]{0,60}|rcpt to:? ?|>>> rcpt to: ?|delivered to:? ?"
    r"|deliver(?:y|able)? (?:your )?(?:\w+ ){0,4}to:? ?|reach(?: the following recipient)?:? ?|addressed(?: to)?[,:]? ?"
    rf"|{_NOUNS}\W{{1,4}})[<\"'(\[]{{0,3}}$",
    re.IGNORECASE,
)
# The address that an alias or a program took the place of; it counts where no other stands apart.
_EXPANDED = re.compile(r"expanded from:? {0,3}[<\"']{0,2}$", re.IGNORECASE)
# Lines that introduce a list of addresses.
_INTRO = re.compile(
    one_of(
        "follow deliver recipient address fail reach undeliver problem folgend empf adress destinat suivant siguiente "
        "direcci seguent seguint endere indirizz consegn recapit volgende nast odbior получат адрес следующ доставл "
        "宛先 送信先 次の 以下 收件 地址 下列 다음"
    )
)
_INTRODUCES = 6  # lines
# What stands before addresses that a report is not about.
_NOT_ABOUT = re.compile(
    r"report .{0,30} to|send .{0,20} to|@.{0,30}wrote|"
    + one_of(
        r"contact postmaster help support question assist abuse mail_from sender from: reply-to absender exp\wditeur "
        "remitente mittente nadawc message-?id refer envelope-from отправител your_address unsubscribe visit "
        "administrator"
    ),
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"[ \t>]{0,8}"
    + one_of(
        "message-id content- references in-reply-to x-[a-z] date mime-version reply-to sender errors-to list- resent-"
    ),
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
    r"[ \t>]{0,8}"
    + one_of(
        r"subject sent betreff gesendet objet envoy\w asunto enviado oggetto inviato onderwerp verzonden assunto temat "
        "тема"
    )
    + r"[ \t]{0,3}:",
    re.IGNORECASE,
)
_DAEMONS = frozenset({"mailer-daemon", "postmaster", "abuse", "mail-daemon", "mdaemon"})
_LIST_COMMANDS = ("-ctl", "-request", "-help", "-subscribe", "-unsubscribe", "-owner", "-admin")


@dataclass(frozen=True, slots=True)
class Place:
    """An address, the number of its line (-1: not in the words), and how it stands there."""

    address: str
    line: int
    weight: int


def weigh_places(lines: Sequence[str], *, ours: set[str], returned_to: set[str]) -> list[Place]:
    """
    Find the addresses of a report's words and weigh each.

    Args:
        lines: The words, line by line.
        ours: Keys of addresses that speak or are spoken to; they are left out.
        returned_to: Keys of the addresses that the returned mail was for.
    """
    places: list[Place] = []
    introduced = 0  # lines for which an introduction still counts
    head = -1  # indent of the entry this paragraph began with; what is indented deeper tells about that entry
    for number, line in enumerate(lines):
        if _FOR_ADMINS.match(line) and any(place.weight >= SET_APART for place in places):
            break
        if not line.strip():
            head = -1
            continue
        indent = len(line) - len(line.lstrip())
        found = [m for m in addresses_in.IN_TEXT.finditer(line) if _counts(m[0], ours)][:20] if "@" in line else []
        quoted = bool(found) and _is_quoted_to(lines, number)
        for match in found:
            weight = 1 if quoted else _weight(line, match, introduced=introduced > 0)
            if 0 <= head < indent:
                weight = min(weight, 2)
            elif weight >= NEARLY and head < 0:
                head = indent
            address = addresses_in.clean(match[0])
            weight += _bonus(address, returned_to)
            places.append(Place(address, number, 2 if _EXPANDED.search(line[: match.start()]) else weight))
        if _is_followed(lines, number) and _INTRO.search(line.lower()):
            introduced = _INTRODUCES
        else:
            introduced -= not found
    return places


def _is_followed(lines: Sequence[str], number: int) -> bool:
    """Whether an address may stand in the lines that this one introduces."""
    return any("@" in line for line in lines[number + 1 : number + 2 + _INTRODUCES])


def _counts(text: str, ours: set[str]) -> bool:
    address = addresses_in.clean(text)
    return addresses_in.plausible(address) and addresses_in.key(address) not in ours


def _is_quoted_to(lines: Sequence[str], number: int) -> bool:
    return bool(_QUOTED_TO.match(lines[number]) and any(map(_QUOTED_SUBJECT.match, lines[number + 1 : number + 5])))


def _bonus(address: str, returned_to: set[str]) -> int:
    local = address.partition("@")[0].lower()
    bonus = 2 if addresses_in.key(address) in returned_to else 0
    if local in _DAEMONS:
        return bonus - 2
    return bonus - 3 if local.endswith(_LIST_COMMANDS) else bonus


def _weight(line: str, match: re.Match[str], *, introduced: bool) -> int:
    before, after = line[: match.start()], line[match.end() :]
    if _FIELD.match(line):
        return 0
    if match[0][:5].lower() == "smtp=":
        return SET_APART  # an SMTP address in X.400 clothes
    weight = 1
    if _LABEL.match(before):
        ends = after.lstrip(" >\"')]")[:1] in (":", "") or after.startswith(("...", ">...", "> ..."))
        weight = SET_APART if introduced or ends else NEARLY
    elif _IN_REPLY.search(before):
        weight = NEARLY
    if weight < SET_APART and _NOT_ABOUT.search(before):
        weight -= 2
    return weight
