"""admin/pages/login.py, admin/guard.py, admin/visit.py and admin/failures.py: who gets in, and stays in."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from admin.failures import MAX_FAILURES, WINDOW, Failures
from admin.guard import FRESH
from admin.server import AdminServer
from admin.visit import local_path
from store.nouns import Role
from store.open import Store
from store.schema import session
from tests.admin.rig import PASSWORD, Filled, Visitor
from tests.conftest import Clock

COOKIE = "session"


@pytest.mark.parametrize("target", ["/", "/nothing", "/healthz/x", "/messages/1", "/people", "/live", "/chase.csv"])
async def test_nobody_gets_in_without_a_session(visitor: Visitor, target: str) -> None:
    """Known page or not: a browser is sent to the log-in, anything else is told 401."""
    answer = await visitor.get(target)
    assert (answer.status, answer.headers["Location"].split("?")[0]) == (303, "/login")
    answer = await visitor.get(target, Accept="*/*")
    assert (answer.status, answer.text) == (401, "Log in first.\n")
    visitor.cookies[COOKIE] = "guessed"
    assert (await visitor.get(target)).status == 303


async def test_wrong_name_and_wrong_password_look_alike(visitor: Visitor) -> None:
    """W5: the same words for both, and nothing of what was typed but the name."""
    answers = [
        await visitor.post("/login", {"name": name, "password": password})
        for name, password in (("ada", "wrong wrong"), ("nobody", PASSWORD), ("ada", ""), ("\0", "x"))
    ]
    assert {answer.status for answer in answers} == {401}
    assert {tuple(answer.texts(".trouble")) for answer in answers} == {("Name or password is wrong.",)}
    assert not any("wrong wrong" in answer.text or answer.cookies for answer in answers)


async def test_the_cookie_and_its_flags(visitor: Visitor) -> None:
    """On this machine the plain name; by https __Host- with Secure. Never to be read by a script."""
    answer = await visitor.post("/login", {"name": "ada", "password": PASSWORD})
    (cookie,) = answer.cookies
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    answer = await visitor.post("/login", {"name": "ada", "password": PASSWORD}, X_Forwarded_Proto="https")
    (cookie,) = answer.cookies
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 303), ("127.0.0.1:8026", 303), ("[::1]", 303), ("homing.club.test", 403)]
)
async def test_no_password_over_http_from_elsewhere(visitor: Visitor, host: str, status: int) -> None:
    """A password that could be read on its way is not taken, and the page says what to do."""
    answer = await visitor.post("/login", {"name": "ada", "password": PASSWORD}, Host=host)
    assert answer.status == status


async def test_each_log_in_is_a_new_session(visitor: Visitor, store: Store) -> None:
    """W6: a token that was there before is worth nothing after; the store has only hashes."""
    visitor.cookies[COOKIE] = "planted-by-somebody-else"
    await visitor.log_in("ada")
    first = visitor.cookies[COOKIE]
    assert first != "planted-by-somebody-else"
    await visitor.log_in("ada")
    assert visitor.cookies[COOKIE] != first
    old = Visitor(visitor.server, {COOKIE: first})
    assert (await old.get("/")).status == 303
    hashes = await store._reader.run(lambda c: c.execute(select(session.c.token_hash)).scalars().all())
    assert hashes == [hashlib.sha256(visitor.cookies[COOKIE].encode()).digest()]


async def test_log_out_ends_it_on_the_server(admin: Visitor) -> None:
    """The cookie goes, and is worth nothing if it was kept."""
    kept = dict(admin.cookies)
    answer = await admin.post("/logout")
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert 'session=""' in answer.cookies[0]
    admin.cookies = kept
    assert (await admin.get("/")).status == 303


async def test_a_session_ends_when_nobody_uses_it(admin: Visitor, clock: Clock) -> None:
    """Eight hours by default; each request begins them anew."""
    for _ in range(3):
        clock.move(8 * 3_600.0)
        assert (await admin.get("/account")).status == 200
    clock.move(8 * 3_600.0 + 1)
    assert (await admin.get("/account")).status == 303


async def test_too_many_wrong_passwords(visitor: Visitor, clock: Clock) -> None:
    """After thirty from one address it is not asked any more, not even with the right one; later it is."""
    for _ in range(MAX_FAILURES):
        assert (await visitor.post("/login", {"name": "ada", "password": "x"})).status == 401
    answer = await visitor.post("/login", {"name": "ada", "password": PASSWORD})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "600")
    assert (await visitor.get("/healthz")).status == 200
    clock.move(WINDOW)
    assert (await visitor.post("/login", {"name": "ada", "password": PASSWORD})).status == 303


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        ("/messages?q=a%20b", "/messages?q=a%20b"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/\tx", "/"),
    ],
)
async def test_after_the_log_in_only_to_a_page_of_ours(visitor: Visitor, wanted: str, where: str) -> None:
    """No open redirect, and no header by a line end."""
    answer = await visitor.post("/login", {"name": "ada", "password": PASSWORD, "next": wanted})
    assert (answer.status, answer.headers["Location"]) == (303, where)


@given(st.text(max_size=30))
def test_any_wish_is_a_local_path(wanted: str) -> None:
    """Whatever is asked for: one path of ours, in printable ASCII."""
    where = local_path(wanted)
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))
    assert where.isascii()
    assert where.isprintable()


FORMS = [
    ("/logout", {}),
    ("/account/language", {"language": "es"}),
    ("/people", {"name": "eva", "password": "green whale 43", "role": "admin"}),
    ("/customers/try-again", {"address": "eve@c.test"}),
]


ELSEWHERE: list[tuple[str | None, dict[str, str]]] = [
    ("", {}),
    ("0" * 64, {}),
    (None, {"Sec-Fetch-Site": "cross-site"}),
    (None, {"Sec-Fetch-Site": "same-site"}),
    (None, {"Sec-Fetch-Site": "none"}),
    (None, {"Origin": "https://evil.test"}),
    (None, {"Origin": "http://localhost.evil.test"}),
]


@pytest.mark.parametrize(("target", "fields"), FORMS, ids=[target for target, _ in FORMS])
async def test_forms_of_other_sites_change_nothing(
    admin: Visitor, store: Store, filled: Filled, target: str, fields: dict[str, str]
) -> None:
    """W4: neither without the session's token, nor with it from elsewhere. GET does not exist for them."""
    del filled
    for token, headers in ELSEWHERE:
        sent = dict(fields) if token is None else {**fields, "csrf": token}
        assert (await admin.post(target, sent, **headers)).status == 403
    assert await store.people.get("eva") is None
    assert await store.suppressions.get("eve@c.test") is not None
    assert (await admin.get(target)).status in (200, 404, 405)
    assert (await admin.get("/account")).status == 200


async def test_the_token_is_of_one_session(admin: Visitor, server: AdminServer) -> None:
    """Another one's token is worth nothing, and it does not show the session's own."""
    other = Visitor(server)
    await other.log_in("ada")
    assert other.csrf != admin.csrf
    assert (await admin.post("/logout", {"csrf": other.csrf})).status == 403
    assert admin.cookies[COOKIE] not in (await admin.get("/account")).text


async def test_our_own_forms_are_taken(admin: Visitor) -> None:
    """As browsers send them: with Sec-Fetch-Site, or Origin null because no referrer is told, or neither."""
    for headers in (
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {},
    ):
        answer = await admin.post("/account/language", {"language": ""}, **headers)
        assert (answer.status, answer.headers["Location"]) == (303, "/account?said=language")


async def test_a_compressed_body_is_refused(admin: Visitor) -> None:
    """W18: 415, unread."""
    assert (await admin.post("/account/language", {}, **{"Content-Encoding": "gzip"})).status == 415


async def test_sensitive_pages_ask_for_the_password_again(admin: Visitor, clock: Clock) -> None:
    """Ten minutes after it was given; a wrong one does not help, the right one leads back."""
    assert (await admin.get("/people")).status == 200
    clock.move(FRESH + 1)
    answer = await admin.get("/people")
    assert (answer.status, answer.headers["Location"]) == (303, "/confirm?next=/people")
    answer = await admin.post("/people", {"name": "eva", "password": "green whale 43", "role": "admin"})
    assert answer.headers["Location"] == "/confirm?next=/people"
    assert (await admin.post("/confirm", {"password": "wrong", "next": "/people"})).status == 401
    assert (await admin.get("/people")).status == 303
    answer = await admin.post("/confirm", {"password": PASSWORD, "next": "/people"})
    assert (answer.status, answer.headers["Location"]) == (303, "/people")
    assert (await admin.get("/people")).status == 200


OPERATORS = [
    "/customers/try-again",
    "/messages/{newsletter}/again",
    "/recipients/1/retry",
    "/recipients/1/again",
    "/suppressions",
    "/queue/cancel",
    "/test-mail",
]
ADMINS = [
    "/credentials",
    "/credentials/app/revoke",
    "/webhooks",
    "/webhooks/1/rotate",
    "/people",
    "/people/vera/role",
    "/people/vera/password",
    "/people/vera/remove",
    "/people/sessions/1/end",
]
ADMIN_PAGES = [
    "/credentials",
    "/webhooks",
    "/webhooks/1",
    "/people",
    "/audit",
    "/messages/{newsletter}/source",
    "/messages/{newsletter}/raw",
]


async def test_roles(viewer: Visitor, operator: Visitor, filled: Filled, store: Store) -> None:
    """W7: what a role may not do is not there: 404, and nothing happens."""
    for target in (*OPERATORS, *ADMINS):
        assert (await viewer.post(target.format(newsletter=filled.newsletter), {"role": "admin"})).status == 404
    for target in ADMINS:
        assert (await operator.post(target, {"role": "admin", "password": "green whale 43"})).status == 404
    for target in ADMIN_PAGES:
        for visitor in (viewer, operator):
            assert (await visitor.get(target.format(newsletter=filled.newsletter))).status == 404
    assert {one.name: one.role for one in await store.people.list()}["vera"] is Role.VIEWER
    links = (await viewer.get("/account")).text
    assert "/people" not in links
    assert "/credentials" not in links


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
