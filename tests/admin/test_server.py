"""admin/server.py and admin/security.py."""

import pytest

from admin.server import AdminServer
from admin.settings import AdminSettings
from tests.admin.rig import LOG, NOW, SETTINGS, FakeStore, ask, row, talk

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    ("target", "method", "logged_in", "status"),
    [
        ("/", "GET", True, 200),
        ("/", "HEAD", True, 200),
        ("/", "GET", False, 401),
        ("/", "POST", True, 405),
        ("/nothing", "GET", True, 404),
        ("/../etc/passwd", "GET", True, 404),
        ("/static/style.css", "GET", True, 404),
        ("/healthz", "GET", False, 200),
        ("/healthz", "DELETE", False, 405),
        ("/readyz", "GET", False, 200),
        ("/style.css", "GET", False, 200),
    ],
)
async def test_headers_of_every_answer(
    server: AdminServer,
    target: str,
    method: str,
    logged_in: bool,  # noqa: FBT001 - a column of the table
    status: int,
) -> None:
    """W17, section 5: the same headers on all, errors too; no version, no cookie, no cross-origin permission."""
    answer = await ask(server, target, method=method, headers=None if logged_in else {})
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


async def test_strict_transport_only_by_https(server: AdminServer) -> None:
    """Promised only where the request came by https, as a proxy in front says."""
    answer = await ask(server, "/healthz", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    answer = await ask(server, "/healthz", headers={"X-Forwarded-Proto": "http"})
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
    server: AdminServer, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    """500 in one sentence; the log has it all."""
    store.rows = [row(accepted_at=float("nan"))]
    answer = await ask(server)
    assert (answer.status, answer.text) == (500, "This did not work.\n")
    assert answer.headers["Server"] == "web"
    assert "ValueError" in caplog.text


async def test_stylesheet_is_whole(server: AdminServer) -> None:
    """The page's only other file: both themes, no colour named only once, nothing from elsewhere."""
    css = (await ask(server, "/style.css", headers={})).text
    assert "prefers-color-scheme: dark" in css
    assert "url(" not in css
    assert "@import" not in css


async def test_port_in_use_is_told(server: AdminServer, store: FakeStore) -> None:
    """A port that is taken is an OSError at the start, and nothing else stays open."""
    host, port = server.addresses[0]
    other = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0", f"{host}:{port}")),
        store=store,
        ready=dict,
        smtp_settings=SETTINGS,
        clock=lambda: NOW,
        log=LOG,
    )
    with pytest.raises(OSError, match="address already in use"):
        await other.start()
    assert other.addresses == []
