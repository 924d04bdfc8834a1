"""admin/server.py, admin/security.py and admin/statics.py."""

import gzip

import pytest

from admin.outside import Outside
from admin.server import AdminServer
from admin.settings import AdminSettings
from admin.statics import Statics
from store.errors import StoreUnavailable
from store.open import Store
from tests.admin.rig import LOG, NOW, Filled, Visitor, talk

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/account", "GET", 200),
        ("/account", "HEAD", 200),
        ("/login", "GET", 303),
        ("/logout", "GET", 405),
        ("/nothing", "GET", 404),
        ("/../etc/passwd", "GET", 404),
        ("/static/x/style.css", "GET", 404),
        ("/static/x/..%2f..%2fserver.py", "GET", 404),
        ("/healthz", "GET", 200),
        ("/readyz", "GET", 200),
        ("/messages/x", "GET", 404),
        ("/messages/99999999999999999999", "GET", 404),
        ("/recipients/\u0661", "GET", 400),
    ],
)
async def test_headers_of_every_answer(admin: Visitor, target: str, method: str, status: int) -> None:
    """W17, section 5: the same headers on all, errors too; no version, no cross-origin permission."""
    answer = await admin.ask(target, method=method)
    assert answer.status == status
    headers = answer.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), microphone=(), geolocation=(), interest-cohort=()"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "web"
    assert not {"Set-Cookie", "ETag", "Access-Control-Allow-Origin", "Strict-Transport-Security"} & headers.keys()


async def test_strict_transport_only_by_https(visitor: Visitor) -> None:
    """Promised only where the request came by https, as a proxy in front says."""
    answer = await visitor.get("/healthz", X_Forwarded_Proto="https")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    answer = await visitor.get("/healthz", X_Forwarded_Proto="http")
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http(server: AdminServer, octets: bytes) -> None:
    """Answered in one sentence with the same headers; nothing of it is repeated."""
    answer = await talk(server, octets)
    assert (answer.status, answer.text) == (400, "This request cannot be understood.\n")
    assert (answer.headers["Server"], answer.headers["Content-Security-Policy"]) == ("web", POLICY)


async def test_fault_of_ours_tells_nothing(
    admin: Visitor, store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 in one sentence; the log has it all."""

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(store.audit, "list", broken)
    answer = await admin.get("/audit")
    assert (answer.status, answer.text) == (500, "This did not work.\n")
    assert answer.headers["Server"] == "web"
    assert "ValueError" in caplog.text


async def test_store_that_cannot_be_read(
    admin: Visitor, store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503: a page that says so; the log tells why, the page does not."""

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("database is locked: /var/secret/homing.db")

    monkeypatch.setattr(store.audit, "list", away)
    answer = await admin.get("/audit")
    assert answer.status == 503
    assert answer.texts("h1") == ["The store cannot be read at the moment"]
    assert "secret" not in answer.text
    assert "database is locked" in caplog.text


async def test_errors_are_pages_for_people(admin: Visitor) -> None:
    """With the navigation; and a sentence for anything else that asks."""
    assert (await admin.get("/messages/1")).texts("h1") == ["There is nothing here"]
    assert (await admin.get("/messages/1", Accept="*/*")).text == "There is no such page.\n"


async def test_files_of_the_pages(visitor: Visitor) -> None:
    """Without a log-in, compressed where that is understood, to be kept; nothing is loaded from elsewhere."""
    statics = Statics()
    for name in ("style.css", "homing.js", "htmx.min.js", "htmx-ext-sse.min.js", "icons.svg", "bird.svg"):
        plain = await visitor.get(statics.href(name), Accept_Encoding="identity")
        assert plain.status == 200
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        packed = await visitor.get(statics.href(name), Accept_Encoding="gzip, br")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(statics._packed[name]).decode() == plain.text
    css = (await visitor.get(statics.href("style.css"), Accept_Encoding="identity")).text
    assert "prefers-color-scheme: dark" in css
    assert "prefers-reduced-motion" in css
    assert "url(" not in css
    assert "@import" not in css
    with pytest.raises(LookupError):
        statics.href("nothing.css")


async def test_the_first_page_is_small(admin: Visitor, filled: Filled) -> None:
    """Under 60 KB with everything it brings along, as it goes over the wire."""
    del filled
    page = len((await admin.get("/")).text.encode())
    assert page + sum(len(packed) for packed in Statics()._packed.values()) < 60_000


async def test_port_in_use_is_told(server: AdminServer, store: Store) -> None:
    """A port that is taken is an OSError at the start, and nothing else stays open."""
    host, port = server.addresses[0]
    other = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0", f"{host}:{port}")),
        store=store,
        ready=dict,
        outside=Outside(),
        clock=lambda: NOW,
        log=LOG,
    )
    with pytest.raises(OSError, match="address already in use"):
        await other.start()
    assert other.addresses == []
