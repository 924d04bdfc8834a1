"""admin/webhooks/url.py: which URLs may be called (robustness.md W12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.webhooks.url import UrlRules, url_problem
from relay.delivery.guard import Guard

RULES = UrlRules(refusal=Guard().refusal, ports=(443, 80, 8443))
OPEN = UrlRules(refusal=Guard(("127.0.0.0/8", "::1/128")).refusal, ports=(443, 80, 8443), allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.club.example/homing",
        "https://hooks.club.example:8443/a?b=c",
        "https://192.0.2.7/",
        "https://[2001:db8::7]/",
        "https://xn--mnchen-3ya.example./x",
        "HTTPS://Hooks.Club.Example",
    ],
)
def test_public_https_is_allowed(url: str) -> None:
    """Names and public addresses, on the usual ports."""
    assert url_problem(url, RULES) == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.club.example/", "only https"),
        ("ftp://hooks.club.example/", "begins with https"),
        ("https:///x", "begins with https"),
        ("hooks.club.example", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("https://user:secret@hooks.club.example/", "must not hold a user"),
        ("https://user@hooks.club.example/", "must not hold a user"),
        ("https://@hooks.club.example/", "must not hold a user"),
        ("https://hooks.club.example/#x", "behind #"),
        ("https://hooks.club.example:25/", "port 25"),
        ("https://hooks.club.example:0/", "port"),
        ("https://hooks.club.example:99999/", "no URL"),
        ("https://hooks.club.example/\r\nX: y", "printable"),
        ("https://hooks.club.example/a b", "no blanks"),
        ("https://münchen.example/", "ASCII"),
        ("https://" + "a" * 3000 + ".example/", "2000"),
        ("https://-x.example/", "no host name"),
        ("https://a..b/", "no host name"),
        ("https://[::1/", "no URL"),
        ("https://127.0.0.1/", "loopback"),
        ("https://127.1/", "usual spelling"),
        ("https://0x7f.1/", "usual spelling"),
        ("https://0x7f000001/", "usual spelling"),
        ("https://2130706433/", "usual spelling"),
        ("https://127.0.0.1./", "usual spelling"),
        ("https://0177.0.0.1/", "usual spelling"),
        ("https://localhost/", "loopback"),
        ("https://localhost./", "loopback"),
        ("https://a.LocalHost/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://[::ffff:127.0.0.1]/", "IPv4-mapped"),
        ("https://[64:ff9b::7f00:1]/", "translated"),
        ("https://[fe80::1]/", "link-local"),
        ("https://169.254.169.254/latest/meta-data/", "link-local"),
        ("https://10.0.0.1/", "private"),
        ("https://[fd00::1]/", "private"),
        ("https://0.0.0.0/", "this network"),
    ],
)
def test_what_is_refused(url: str, why: str) -> None:
    """Each in plain words that name what is wrong."""
    assert why in url_problem(url, RULES)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8443/", "http://localhost:80/", "https://[::1]/"])
def test_what_an_operator_opened_is_allowed(url: str) -> None:
    """Private networks and http, where the configuration says so."""
    assert url_problem(url, OPEN) == ""


def test_what_is_opened_is_no_more_than_that() -> None:
    """A mapped address, another network and another port stay closed."""
    assert "IPv4-mapped" in url_problem("http://[::ffff:127.0.0.1]/", OPEN)
    assert "private" in url_problem("http://10.0.0.1/", OPEN)
    assert "port 8025" in url_problem("http://127.0.0.1:8025/", OPEN)


@given(st.text(max_size=60).map(lambda text: "https://" + text) | st.text(max_size=60))
def test_any_text_gets_an_answer(url: str) -> None:
    """Whatever is written, it is allowed or refused in words, and nothing is raised."""
    assert isinstance(url_problem(url, RULES), str)
