"""
MTA-STS (RFC 8461) as text: the TXT record that says there is a policy, and the policy.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Mode = Literal["enforce", "testing", "none"]

LARGEST = 64 * 1024  # octets of a policy
LONGEST_AGE = 31_557_600  # seconds: a year (section 3.2)
MOST_MX_OCTETS = 16 * 1024  # of all mx together; a provider's are a few hundred

# RFC 8461 section 3.1:
#   sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
#   sts-field-delim = *WSP ";" *WSP
#   sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
#   sts-extension   = name "=" value      value = 1*(%x21-3A / %x3C / %x3E-7E)
_VERSION = "v=STSv1"
_DELIMITER = re.compile(r"[ \t]*;[ \t]*")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")

# RFC 8461 section 3.2:  field = name ":" *WSP value, ended by LF or CRLF
#   mx value = "*." Domain / Domain
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*")
_MX = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_SECONDS = re.compile(r"[0-9]{1,10}")


class BadPolicy(Exception):
    """A text that is no policy. It says what is wrong, in a few plain words."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain says of its mail hosts. ``mx``: lower case, ``*.example.org`` stands for one more label."""

    mode: Mode
    max_age: int  # seconds
    mx: tuple[str, ...]

    def names(self, host: str) -> bool:
        """Whether a mail host (A-labels, lower case, no last dot) is one of the domain's (section 4.1)."""
        _, dot, parent = host.partition(".")
        return host in self.mx or bool(dot and f"*.{parent}" in self.mx)


def read_record(texts: Sequence[str]) -> str | None:
    """
    Read the TXT records at ``_mta-sts.DOMAIN``: the id of the domain's policy; None where there is none.

    Records that are no MTA-STS are passed over; more than one that is means that there is none (section 3.1).
    """
    records = [text for text in texts if _DELIMITER.split(text, maxsplit=1)[0] == _VERSION]
    if len(records) != 1:
        return None
    _, *fields = _DELIMITER.split(records[0].rstrip(" \t"))
    if fields and not fields[-1]:
        fields.pop()
    matches = [_FIELD.fullmatch(field) for field in fields]
    ids = [match[2] for match in matches if match is not None and match[1] == "id"]
    return ids[0] if all(matches) and ids and _ID.fullmatch(ids[0]) else None


def read_policy(content: bytes) -> Policy:
    """
    Read a policy.

    Raises:
        BadPolicy: It is too long, is no text, misses a field or has a wrong value. Of a field that is there twice, only
            the first counts (section 3.2); unknown ones are passed over.
    """
    fields, exchangers = _fields(content)
    if fields.get("version") != "STSv1":
        raise BadPolicy("it does not say version: STSv1")
    mode = next((mode for mode in get_args(Mode) if mode == fields.get("mode")), None)
    if mode is None:
        raise BadPolicy("its mode is not enforce, testing or none")
    if not _SECONDS.fullmatch(fields.get("max_age", "")):
        raise BadPolicy("its max_age is no number of seconds")
    if not exchangers and mode != "none":
        raise BadPolicy("it names no mx")
    if sum(map(len, exchangers)) > MOST_MX_OCTETS:
        raise BadPolicy("it names too many mx")
    return Policy(mode, min(int(fields["max_age"]), LONGEST_AGE), tuple(dict.fromkeys(exchangers)))


def read_stored(stored: Mapping[str, Any]) -> Policy:
    """Read what ``dataclasses.asdict`` made of a policy. Raises BadPolicy, KeyError or TypeError."""
    mode = next((mode for mode in get_args(Mode) if mode == stored["mode"]), None)
    if mode is None:
        raise BadPolicy("its mode is not enforce, testing or none")
    return Policy(mode, int(stored["max_age"]), tuple(_exchanger(str(name)) for name in stored["mx"]))


def _fields(content: bytes) -> tuple[dict[str, str], list[str]]:
    """Give the first of each field but mx, and every mx."""
    if len(content) > LARGEST:
        raise BadPolicy("it is longer than 64 kB")
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise BadPolicy("it is no UTF-8 text") from None
    fields: dict[str, str] = {}
    exchangers: list[str] = []
    for line in lines:
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            if line.strip():
                raise BadPolicy("a line is no field")
        elif match[1] == "mx":
            exchangers.append(_exchanger(match[2]))
        else:
            fields.setdefault(match[1], match[2])
    return fields, exchangers


def _exchanger(text: str) -> str:
    name = text.removesuffix(".").lower()
    if len(name) > 255 or not _MX.fullmatch(name):
        raise BadPolicy("an mx is no host name")
    return name
