"""
Sort a mail's parts into what a report is made of: the words for people, the machine-readable parts, what was returned.

Pure: no I/O, no clock, no chance.
"""

import re
from dataclasses import dataclass, field

from bounce.mime import Headers, parse
from bounce.patterns import one_of

_RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "message/rfc822-headers",
        "text/rfc822-headers",
        "text/rfc822",
    }
)
_LINE = r"^[ \t>]{0,10}[-=*_~#+|:.]{0,80}[ \t]{0,10}"
_MAIL = "(?:e-?mail|message|mail|text)"
_WHOSE = one_of("original returned unsent undelivered failed rejected old bounced")
_MORE = one_of(
    "text body header headers follows following is was attached below included returned content contents source info "
    "information details"
)
_ALONE = r"[^\n\w]{0,40}$"
_IN_OTHER_LANGUAGES = one_of(
    r"urspr\w{1,4}ngliche_(?:nachricht|e-?mail) message_d'origine mensaje_original mensagem_original "
    "messaggio_originale исходное_сообщение"
)
# Where the returned mail begins inside a text. Each marker is a line of its own kind; nothing repeats a repetition.
_RETURNED = re.compile(
    rf"{_LINE}(?:"
    r"(?:below this line|beginning of|start of)[^\n]{0,60}(?:copy|message|text|header)"
    rf"|(?:(?:this|here) is a copy|a copy of (?:the|your) (?:original |returned )?{_MAIL})[^\n]{{0,80}}"
    rf"|(?:the |your )?(?:(?:body|text|header) of the )?{_WHOSE}[ \t]{_MAIL}(?:[ \t]{_MORE}){{0,8}}{_ALONE}"
    rf"|(?:message|mail|original) headers?{_ALONE}"
    rf"|(?:first \w+ lines|partial text|copy) of[^\n]{{0,60}}(?:message|mail)"
    rf"|message (?:header|text|body|contents?)s?(?: \(?(?:truncated|follows?|section)[^\n]{{0,40}})?{_ALONE}"
    r"|(?:the )?(?:original |returned )?(?:message|mail|headers?)"
    rf"(?: (?:text|body|headers?|itself|as received|is))? follow(?:s|ing)?{_ALONE}"
    r"|included is a copy of[^\n]{0,60}"
    r"|nachricht(?:en)?(?:text|kopf)[^\n]{0,40}$"
    rf"|{_IN_OTHER_LANGUAGES}[^\n]{{0,40}}"
    r")"
    r"|^(?:Return-Path|Received|DKIM-Signature|X-Received|DomainKey-Signature|X-Gm-Message-State|MIME-Version):",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD_LINE = re.compile(
    r"^[ \t]{0,8}(?:Final-Recipient|Original-Recipient)[ \t]{0,4}:[ \t]{0,8}\S", re.IGNORECASE | re.MULTILINE
)
_STATUS_LINE = re.compile(
    r"^[ \t]{0,8}(?:Action|Status|Reporting-MTA|Diagnostic-Code)[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE
)

_FIRST_FIELD = re.compile(
    r"^[ \t]{0,8}(?:Reporting-MTA|Original-Recipient|Final-Recipient|Action)[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE
)


# What a report quotes of the mail's header and envelope: no words of its own.
_QUOTED_FIELD = re.compile(
    r"^[ \t>*|-]{0,12}(?:"
    + one_of(
        r"subject betreff objet asunto assunto oggetto onderwerp temat p\wedm\wt predmet t\wrgy konu \wmne emne aihe "
        r"тема θέμα 件名 主题 主題 主旨 제목 mail_from from de von da van od от sent_date sent date "
        r"message-?_?id sender size original_sender received message_size message_date"
    )
    + r")[ \t]{0,4}(?:\([^()\n]{0,20}\))?[ \t]{0,4}[:\uff1a][^\n]{0,1000}",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(slots=True)
class Material:
    """What a mail brought, parts of the returned mail left out."""

    headers: Headers
    type: str
    report_type: str
    text: str = ""  # the words for people, without the returned mail
    statuses: list[str] = field(default_factory=list)  # texts of message/delivery-status
    status_in_text: str = ""  # fields of a delivery status that stand amid the words
    feedbacks: list[str] = field(default_factory=list)  # texts of message/feedback-report
    dispositions: list[str] = field(default_factory=list)  # texts of message/disposition-notification
    returned: Headers | None = None  # header of the mail this is about
    forwarded: bool = False  # it carries a whole mail
    html_only: bool = False

    @property
    def words(self) -> str:
        """The words for people in one line, without what they quote of a header."""
        return " ".join(without_fields(self.text[:20_000]).split())


def without_fields(text: str) -> str:
    """Take quoted header fields out of a report's words: "Subject: awaits approval" is no reason."""
    return _QUOTED_FIELD.sub("", text)


def collect(raw: bytes) -> Material:
    """Read a mail and sort its parts."""
    root = parse(raw)
    material = Material(root.headers, root.type, root.parameters.get("report-type", "").lower())
    plain: list[str] = []
    html: list[str] = []
    for part in root.walk():
        kind = part.type
        if part.parts:
            continue
        if kind.endswith("delivery-status"):
            material.statuses.append(part.text())
        elif kind == "message/feedback-report":
            material.feedbacks.append(part.text())
        elif kind.endswith("disposition-notification"):
            material.dispositions.append(part.text())
        elif kind in _RETURNED_TYPES:
            material.forwarded = material.forwarded or kind in ("message/rfc822", "message/global")
            if material.returned is None and (headers := part.inner_headers()).fields:
                material.returned = headers
        elif kind.startswith("text/") or (kind.startswith("multipart/") and part is root) or "/" not in kind:
            (html if kind == "text/html" else plain).append(part.text())
    texts = [text for text in plain if text.strip()] or html
    material.html_only = texts is html and bool(html)
    _take_texts(material, texts)
    return material


def _take_texts(material: Material, texts: list[str]) -> None:
    own: list[str] = []
    for text in texts:
        if not material.statuses and _is_status(text) and len(texts) > 1 and own:
            material.statuses.append(text)
            continue
        words, rest = cut_returned(text)
        if not material.status_in_text and _is_status(words) and (match := _FIRST_FIELD.search(words)):
            material.status_in_text = words[match.start() :]
        own.append(words)
        if rest and material.returned is None:
            material.returned = _headers_in(rest)
    material.text = "\n\n".join(own).replace("\u00a0", " ")


def _is_status(text: str) -> bool:
    return bool(_FIELD_LINE.search(text) and _STATUS_LINE.search(text))


def cut_returned(text: str) -> tuple[str, str]:
    """Split a text into the report's words and the mail returned in it (``""``: none)."""
    match = _RETURNED.search(text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")


def _headers_in(text: str) -> Headers | None:
    """Find the header of the returned mail behind its marker."""
    lines = text[:40_000].split("\n")
    start = next(
        (n for n, line in enumerate(lines[:60]) if re.match(r"[ >|]{0,6}[A-Za-z][A-Za-z-]{1,40}:[ \t]", line)), None
    )
    if start is None:
        return None
    block: list[str] = []
    for line in lines[start : start + 200]:
        line = line.lstrip(">|") if line.startswith((">", "|")) else line  # noqa: PLW2901 the same line, unquoted
        if not line.strip():
            break
        block.append(line[1:] if line.startswith(" ") and re.match(r" [A-Za-z-]{2,40}:[ \t]", line) else line)
    return parse("\n".join(block).encode("utf-8") + b"\n\n").headers
