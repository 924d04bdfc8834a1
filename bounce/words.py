"""
What a reply says, as words: the text of a reply without what only looks like words.

Addresses, host names, URLs and IP addresses become the marks ``{addr}``, ``{host}``, ``{url}``, ``{ip}``, so that a
host called ``spam.example`` or a mailbox called ``full@`` says nothing. Case, accents and the ways to write an
apostrophe are evened out; scripts without blanks between words give one word a character.

Every step is one pass over a text of at most ``LIMIT`` characters: linear whatever the text.

Pure: no I/O, no clock, no chance.
"""

import re
import unicodedata
from dataclasses import dataclass, field

LIMIT = 6_000  # characters of a reply that are looked at

# Exchange names its parts with dots; they are words, not a host: RESOLVER.ADR.RecipientNotFound
_EXCHANGE = frozenset(
    {"agent", "approval", "cat", "content", "dsn", "mapi", "queue", "resolver", "routing", "secureattachmentreader"}
    | {"smtp", "smtpin", "smtpsend", "storedrv", "submission", "supervisor", "transport"}
)

# Alternatives are tried from the left; none repeats what repeats, each repetition has a bound.
_TOKEN = re.compile(
    r"(?P<url>(?:https?:/{1,2}|www\.)[^\s<>\"')\]]{1,500})"
    r"|(?P<addr>[^\s<>()\[\]:;,\"=@'|/{}]{1,100}@[^\s<>()\[\]:;,\"'=@|{}]{1,255}|\"[^\"@\s]{1,64}\"@[\w.-]{1,255})"
    r"|(?P<mark>\{(?:addr|host|url|ip)\})"
    r"|(?P<ip6>[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2,40}:[0-9A-Fa-f]{1,4})"
    r"|(?P<dotted>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){1,10})"
    r"|(?P<word>[^\W_]{1,80})"
)
_STATUS = re.compile(r"(?:[245][0-9]{2}-)?[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){1,10}")
_QUERY_WORD = re.compile(r"[A-Za-z0-9_]{2,60}")
# Written apart or together, it is one word.
TOGETHER = {
    ("e", "mail"): "email",
    ("e", "mails"): "emails",
    ("e", "mailadres"): "emailadres",
    ("e", "mailadresse"): "emailadresse",
    ("e", "mailadressen"): "emailadressen",
    ("e", "mailkonto"): "emailkonto",
    ("e", "postadress"): "epostadress",
    ("mail", "box"): "mailbox",
    ("mail", "boxes"): "mailboxes",
    ("can", "not"): "cannot",
    ("black", "list"): "blacklist",
    ("black", "listed"): "blacklisted",
    ("block", "list"): "blocklist",
    ("block", "listed"): "blocklisted",
    ("white", "list"): "whitelist",
    ("grey", "listed"): "greylisted",
    ("grey", "listing"): "greylisting",
    ("gray", "listed"): "greylisted",
    ("gray", "listing"): "greylisting",
    ("time", "out"): "timeout",
    ("timed", "out"): "timeout",
    ("over", "quota"): "overquota",
    ("host", "name"): "hostname",
    ("user", "name"): "username",
    ("does", "nt"): "doesnt",
    ("non", "existent"): "nonexistent",
    ("non", "exist"): "nonexistent",  # "non-existing", by then respelt
}
_SECOND = frozenset(second for _, second in TOGETHER)
# As people who set up mail servers write.
_SPELT = {
    wrong: right
    for right, spellings in {
        "greylisted": "graylisted",
        "greylisting": "graylisting",
        "greylist": "graylist",
        "mailbox": "mailbx maibox malbox",
        "unknown": "unkown unknow unknwon unknonw uknown unkonwn",
        "recipient": "recepient recipent receipient receipent recipeint reciepient recpient",
        "recipients": "recepients recipents receipients receipents recipeints",
        "address": "adress addres addess adresss",
        "addresses": "adresses addreses",
        "such": "sutch",
        "exist": "exsist exsit exists exits existing",
        "nonexistent": "nonexistant nonexisting nonexisten",
        "doesnt": "doesnot dosent dosnt",
        "disabled": "dissabled disbled",
        "suspended": "suspened",
        "exceeded": "exceded exeeded excedeed exceeed",
        "quota": "qouta quata",
        "rejected": "rejcted",
        "undeliverable": "undeliverble undelivarable",
    }.items()
    for wrong in spellings.split()
}
# Letters that no mark is taken off from: sharp s, l with a stroke, dotless i, d with a stroke.
_NOT_COMPOSED = str.maketrans({"\u00df": "ss", "\u0142": "l", "\u0131": "i", "\u0111": "d"})
_HUMPS = re.compile("[A-Z][a-z]{2,20}(?:[A-Z][a-z]{1,20}){1,8}")
_HUMP = re.compile("[A-Z]?[a-z]+")
_NO_BLANKS = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one text, in order, and the names that were masked."""

    words: tuple[str, ...]
    hosts: frozenset[str] = frozenset()  # host names in the text and in its URLs, lower case
    links: frozenset[str] = frozenset()  # words of the paths and queries of its URLs, lower case


@dataclass(slots=True)
class _Found:
    words: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


def words_of(text: str, *, code: str = "") -> Words:
    """
    Give the words of ``text``.

    Args:
        text: One reply, its lines joined; only the first ``LIMIT`` characters count.
        code: The reply code, which many-line replies repeat amid their sentences; it is no word.
    """
    found = _Found()
    for match in _TOKEN.finditer(even(text[:LIMIT])):
        kind, token = match.lastgroup, match[0]
        if kind == "word":
            _add_word(found, token, code)
        elif kind == "dotted":
            _add_dotted(found, token)
        elif kind == "url":
            _add_url(found, token)
        elif kind == "addr" and ".." in token:  # "not allowed...ann@example.org"
            for word in re.findall(r"[^\W_]{1,80}", token.rpartition("..")[0].partition("@")[0]):
                _add_word(found, word, code)
            found.words.append("{addr}")
        else:
            found.words.append({"addr": "{addr}", "ip6": "{ip}"}.get(kind or "", token))
    return Words(tuple(found.words), frozenset(found.hosts), frozenset(found.links))


def even(text: str) -> str:
    """Even out what means the same: accents, typographic apostrophes, full-width letters. Case stays."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.replace("\u2019", "'").replace("\u00b4", "'"))
        text = "".join(c for c in text if not unicodedata.combining(c))
        text = unicodedata.normalize("NFC", text).translate(_NOT_COMPOSED)
    return text.replace("n't", "nt")


def _add_word(found: _Found, token: str, code: str) -> None:
    if token == code:
        return
    if not token.isascii() and _NO_BLANKS.search(token):
        found.words.extend(token)
        return
    word = token.lower()
    if (
        word != token and len(token) > 8 and token[1:] != word[1:] and _HUMPS.fullmatch(token)
    ):  # MailboxDoesNotExist, and its words
        found.words.append(word)
        for part in _HUMP.findall(token):
            _add_plain(found, part.lower())
        return
    _add_plain(found, word)


def _add_plain(found: _Found, word: str) -> None:
    word = _SPELT.get(word, word)
    words = found.words
    if word in _SECOND and words and (together := TOGETHER.get((words[-1], word))):
        words[-1] = together
    else:
        words.append(word)


def _add_dotted(found: _Found, token: str) -> None:
    """Sort a run with dots in it: status code, address, Exchange's names, host name, or a forgotten blank."""
    if _STATUS.fullmatch(token):  # also behind the code of a many-line reply: 550-5.1.1
        return
    if _NUMBERS.fullmatch(token):
        found.words.append("{ip}" if token.count(".") == 3 else token)
        return
    labels = token.split(".")
    lower = token.lower()
    if labels[0].lower() in _EXCHANGE or not _looks_like_host(labels):
        for part in re.split(r"[._-]", lower):
            if part:
                found.words.append(part)
        return
    found.hosts.add(lower)
    found.words.append("{host}")


def _looks_like_host(labels: list[str]) -> bool:
    """
    Tell a host name from two sentences without a blank between them (``unknown.Please``).

    ``E.g`` and ``p.m`` are neither; a host's last label has two letters or more and is not capitalised.
    """
    last = labels[-1]
    if len(last) < 2 or not (last.isalpha() or last.startswith(("xn--", "XN--"))):
        return False
    return last.islower() or "".join(labels).isupper() or len(labels) > 2


def _add_url(found: _Found, token: str) -> None:
    found.words.append("{url}")
    rest = token.split("//", 1)[-1]
    host, _, path = rest.partition("/")
    found.hosts.add(host.partition(":")[0].partition("?")[0].lower().rstrip("."))
    found.links.update(word.lower() for word in _QUERY_WORD.findall(path))
