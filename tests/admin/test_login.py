"""admin/login.py."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.login import MAX_FAILURES, WINDOW, Failures, basic_credentials
from admin.server import AdminServer
from tests.admin.rig import ask, basic


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("admin", "wrong"),
        basic("nobody", "pass:wörd"),
        basic("", ""),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + b64encode(b"no colon").decode()},
        {"Authorization": "Basic " + b64encode(b"\xff\xfe:x").decode()},
        {"Authorization": "Basic " + b64encode(b"admin\0:pass").decode()},
        {"Authorization": "Basic " + "A" * 5_000},
        {"Authorization": "Bearer abc"},
    ],
)
@pytest.mark.parametrize("target", ["/", "/nothing", "/healthz/x"])
async def test_nobody_gets_in_without_a_password(server: AdminServer, headers: dict[str, str], target: str) -> None:
    """Known page or not: the same refusal, which asks for name and password."""
    answer = await ask(server, target, headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Homing", charset="UTF-8"'
    assert answer.text == "Log in with your name and password.\n"


async def test_the_right_password_gets_in(server: AdminServer) -> None:
    """Colons and letters beyond ASCII in it are no matter."""
    assert (await ask(server)).status == 200


async def test_too_many_wrong_passwords(server: AdminServer) -> None:
    """After thirty from one address it is not asked any more, not even with the right one."""
    for _ in range(MAX_FAILURES):
        assert (await ask(server, headers=basic("admin", "wrong"))).status == 401
    answer = await ask(server)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "600")
    assert (await ask(server, "/healthz", headers={})).status == 200


def test_failures_are_forgotten() -> None:
    """At the limit and one past it, and again when the window has passed."""
    failures = Failures()
    for _ in range(MAX_FAILURES - 1):
        failures.note("192.0.2.1", 100.0)
    assert not failures.too_many("192.0.2.1", 100.0)
    failures.note("192.0.2.1", 101.0)
    assert failures.too_many("192.0.2.1", 101.0)
    assert not failures.too_many("192.0.2.2", 101.0)
    assert failures.too_many("192.0.2.1", 99.0 + WINDOW)
    assert not failures.too_many("192.0.2.1", 100.0 + WINDOW)


def test_ipv6_network_is_one_address() -> None:
    """A guesser has a whole /64 for the asking."""
    failures = Failures()
    for n in range(MAX_FAILURES):
        failures.note(f"2001:db8::{n:x}", 0.0)
    assert failures.too_many("2001:db8::ffff", 0.0)
    assert not failures.too_many("2001:db8:0:1::", 0.0)


def test_remembered_addresses_are_bounded() -> None:
    """Strangers cannot fill the memory."""
    failures = Failures()
    for n in range(12_000):
        failures.note(f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}", 0.0)
    assert len(failures._at) <= 10_000


@given(st.text(max_size=200))
def test_any_header(text: str) -> None:
    """Whatever stands there: credentials or None, and no exception."""
    for header in (text, "Basic " + b64encode(text.encode("utf-8", "surrogatepass")).decode()):
        given_ = basic_credentials(header)
        assert given_ is None or len(given_) == 2
