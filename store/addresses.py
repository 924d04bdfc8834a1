"""
Addresses as keys: what makes two written addresses the same mailbox for suppressions and histories.

Pure: no I/O, no clock, no chance.
"""

import re
import unicodedata
from functools import lru_cache

import idna

# RFC 5321 section 4.1.2:  Quoted-string = DQUOTE *QcontentSMTP DQUOTE
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
# What DNS can know, after conversion: letters, digits, hyphens and (seen in the wild) underscores, up to 63 a label.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_DOMAIN = 253  # RFC 1035 section 2.3.4, without the final dot and the length octets


def split_address(address: str) -> tuple[str, str]:
    """Split at the last ``@`` outside quotes: ``(local, domain)``; the domain is "" where there is none."""
    local, at, domain = address.rpartition("@")
    if not at or (address.startswith('"') and address.endswith('"')):
        return address, ""
    return local, domain


@lru_cache(4096)
def ascii_domain(domain: str) -> str:
    """
    Give a domain as A-labels in lower case, without a final dot (RFC 5891); "" where DNS cannot know it.

    An address literal (``[192.0.2.1]``) and an empty or ill-formed name are such.
    """
    name = domain.rstrip(".") if domain.endswith(".") and not domain.endswith("..") else domain
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    name = name.lower()
    if not 0 < len(name) <= _MAX_DOMAIN or not all(map(_LABEL.fullmatch, name.split("."))):
        return ""
    return name


def address_key(address: str) -> str:
    """
    Give what suppressions and histories are found by; the same for each way to write one mailbox.

    The domain becomes A-labels in lower case, the local part loses quotes it does not need and its case. A
    plus-tag stays: ``ann+shop@`` may exist where ``ann@`` does not.
    """
    local, domain = split_address(address)
    quoted = _QUOTED.fullmatch(local)
    if quoted:
        local = _QUOTED_PAIR.sub(r"\1", quoted[1])
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    return f"{local}@{ascii_domain(domain) or domain.lower()}"
