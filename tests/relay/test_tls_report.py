"""relay/tls_report.py: where reports about TLS go, and what they say (RFC 8460)."""

import email
import gzip
import json
from email import policy
from email.message import EmailMessage
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.tls_report import Places, Reporter, mail, packed, read_record, report
from store.nouns import TlsResult

US = Reporter(organization="relay.test", contact="postmaster@relay.test")
DAY = 20_718  # 2026-09-22


@pytest.mark.parametrize(
    ("texts", "mails", "urls"),
    [
        (["v=TLSRPTv1; rua=mailto:tls@example.org"], ["tls@example.org"], []),
        (
            ["v=TLSRPTv1;rua=mailto:a@example.org,https://r.example.org/v1;"],
            ["a@example.org"],
            ["https://r.example.org/v1"],
        ),
        (["v=TLSRPTv1; rua = mailto:a@example.org"], [], []),
        (["v=TLSRPTv1; rua=mailto:a%2Bb@example.org?subject=x"], ["a+b@example.org"], []),
        (["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@example.org"], ["a@example.org"], []),
        (["v=TLSRPTv1; rua=mailto:a@example.org", "v=TLSRPTv1; rua=mailto:b@example.org"], [], []),
        (["v=TLSRPTv2; rua=mailto:a@example.org"], [], []),
        (
            ["v=TLSRPTv1; rua=http://example.org/,ftp://x,mailto:,mailto:a b@c,https://u:p@example.org/,https://"],
            [],
            [],
        ),
        (["v=TLSRPTv1"], [], []),
        ([], [], []),
    ],
)
def test_where_they_go(texts: list[str], mails: list[str], urls: list[str]) -> None:
    """One record with addresses and https URLs; what is neither is passed over."""
    assert read_record(texts) == Places(tuple(mails), tuple(urls))


@given(st.lists(st.text(max_size=60) | st.text(max_size=60).map("v=TLSRPTv1; rua=".__add__), max_size=3))
def test_any_text_is_read(texts: list[str]) -> None:
    """Whatever a domain publishes: places, and no exception; never an address that could end a line."""
    for place in read_record(texts).mails:
        assert "\n" not in place
        assert place.isascii()


def result(sessions: int, failure: str = "", **policy_facts: Any) -> TlsResult:
    facts = {
        "policy": policy_facts or {"policy-type": "no-policy-found"},
        "failure": {"result-type": failure, "receiving-mx-hostname": "mx.example.org"} if failure else None,
    }
    return TlsResult(DAY, "example.org", json.dumps(facts, sort_keys=True), sessions)


def test_what_it_says() -> None:
    """Counts by policy, failures with their own; the words are those of section 4.4."""
    tlsa = {"policy-type": "tlsa", "policy-string": ["3 1 1 ab"]}
    told = report(US, "example.org", DAY, [result(5), result(7, **tlsa), result(2, "validation-failure", **tlsa)])
    assert told == {
        "organization-name": "relay.test",
        "date-range": {"start-datetime": "2026-09-22T00:00:00Z", "end-datetime": "2026-09-22T23:59:59Z"},
        "contact-info": "postmaster@relay.test",
        "report-id": "2026-09-22.example.org@relay.test",
        "policies": [
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "example.org"},
                "summary": {"total-successful-session-count": 5, "total-failure-session-count": 0},
            },
            {
                "policy": {**tlsa, "policy-domain": "example.org"},
                "summary": {"total-successful-session-count": 7, "total-failure-session-count": 2},
                "failure-details": [
                    {
                        "result-type": "validation-failure",
                        "receiving-mx-hostname": "mx.example.org",
                        "failed-session-count": 2,
                    }
                ],
            },
        ],
    }


def test_the_mail() -> None:
    """multipart/report of type tlsrpt with the fields of section 5.3; made again it is the same to the octet."""
    content = packed(report(US, "example.org", DAY, [result(5)]))
    assert content == packed(report(US, "example.org", DAY, [result(5)]))
    raw = mail(US, "example.org", DAY, content, to="tls@example.org", now=1_790_121_600.0)
    assert raw == mail(US, "example.org", DAY, content, to="tls@example.org", now=1_790_121_600.0)
    made = cast("EmailMessage", email.message_from_bytes(raw, policy=policy.default))
    assert (made.get_content_type(), made.get_param("report-type")) == ("multipart/report", "tlsrpt")
    assert (made["TLS-Report-Domain"], made["TLS-Report-Submitter"]) == ("example.org", "relay.test")
    assert (
        made["Subject"]
        == "Report Domain: example.org Submitter: relay.test Report-ID: <2026-09-22.example.org@relay.test>"
    )
    _, attached = made.iter_parts()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_filename() == "relay.test!example.org!1790035200!1790121599!001.json.gz"
    assert json.loads(gzip.decompress(attached.get_content()))["report-id"] == "2026-09-22.example.org@relay.test"
