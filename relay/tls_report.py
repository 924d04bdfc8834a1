"""
A report about TLS (RFC 8460): whom it goes to, what it says, and the mail that carries it.

Pure: no I/O, no clock, no chance.
"""

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import unquote, urlsplit

from relay.message.received import date_time
from store.nouns import TlsResult

DAY = 86_400
MOST_PLACES = 10  # of one record
MOST_FAILURES = 100  # kinds of failure told of one policy

# RFC 8460 section 3:  tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
_DELIMITER = re.compile(r"[ \t]*;[ \t]*")
_VERSION = "v=TLSRPTv1"
_MAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True)
class Places:
    """Where reports about a domain go."""

    mails: tuple[str, ...] = ()  # addr-specs
    urls: tuple[str, ...] = ()  # https only


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports."""

    organization: str  # our host name
    contact: str  # address; in From as well


def read_record(texts: Sequence[str]) -> Places:
    """
    Read the TXT records at ``_smtp._tls.DOMAIN``.

    Nowhere, where there is none or more than one. What is no mail address and no https URL is passed over.
    """
    records = [text for text in texts if _DELIMITER.split(text, maxsplit=1)[0] == _VERSION]
    if len(records) != 1:
        return Places()
    fields = dict(field.partition("=")[::2] for field in _DELIMITER.split(records[0].strip(" \t"))[1:] if field)
    places = [place.strip(" \t") for place in fields.get("rua", "").split(",")][:MOST_PLACES]
    mails = [unquote(place[7:].partition("?")[0]) for place in places if place.lower().startswith("mailto:")]
    urls = [place for place in places if _is_https(place)]
    return Places(tuple(mail for mail in mails if _MAIL.fullmatch(mail)), tuple(urls))


def _is_https(place: str) -> bool:
    try:
        parts = urlsplit(place)
        return parts.scheme.lower() == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def report(reporter: Reporter, domain: str, day: int, results: Sequence[TlsResult]) -> dict[str, Any]:
    """Write the report about a domain's day (section 4.4), ready for ``json.dumps``."""
    policies: dict[str, dict[str, Any]] = {}
    for result in results:
        facts = json.loads(result.facts)
        entry = policies.setdefault(
            json.dumps(facts["policy"], sort_keys=True),
            {
                "policy": {**facts["policy"], "policy-domain": domain},
                "summary": {"total-successful-session-count": 0, "total-failure-session-count": 0},
            },
        )
        if facts["failure"] is None:
            entry["summary"]["total-successful-session-count"] += result.sessions
            continue
        entry["summary"]["total-failure-session-count"] += result.sessions
        details = entry.setdefault("failure-details", [])
        if len(details) < MOST_FAILURES:
            details.append({**facts["failure"], "failed-session-count": result.sessions})
    return {
        "organization-name": reporter.organization,
        "date-range": {"start-datetime": _moment(day * DAY), "end-datetime": _moment((day + 1) * DAY - 1)},
        "contact-info": reporter.contact,
        "report-id": report_id(reporter, domain, day),
        "policies": list(policies.values()),
    }


def report_id(reporter: Reporter, domain: str, day: int) -> str:
    """Give the id of a report: the same each time it is made."""
    return f"{_moment(day * DAY)[:10]}.{domain}@{reporter.organization}"


def packed(told: dict[str, Any]) -> bytes:
    """Give a report as ``application/tlsrpt+gzip``; the same octets each time."""
    return gzip.compress(json.dumps(told, indent=1).encode(), mtime=0)


def mail(reporter: Reporter, domain: str, day: int, content: bytes, *, to: str, now: float) -> bytes:
    """Write the mail that carries a report (section 5.3), CRLF line ends."""
    id_ = report_id(reporter, domain, day)
    begin, end = day * DAY, (day + 1) * DAY - 1
    made = EmailMessage(policy=SMTP)
    made["From"] = reporter.contact
    made["To"] = to
    made["Subject"] = f"Report Domain: {domain} Submitter: {reporter.organization} Report-ID: <{id_}>"
    made["TLS-Report-Domain"] = domain
    made["TLS-Report-Submitter"] = reporter.organization
    made["Date"] = date_time(now)
    made["Message-ID"] = f"<{id_}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"This is a report about TLS to the mail hosts of {domain} on {_moment(begin)[:10]} (RFC 8460).\n")
    name = f"{reporter.organization}!{domain}!{begin}!{end}!001.json.gz"
    made.add_attachment(content, maintype="application", subtype="tlsrpt+gzip", filename=name)
    made.replace_header("Content-Type", "multipart/report")
    made.set_param("report-type", "tlsrpt")
    made.set_boundary(f"=_tlsrpt.{day}")
    return made.as_bytes()


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
