"""A signed link in a frame of another program's page, in a real browser: shown there, and in nobody else's page."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MakeHoming
from tests.e2e.rigs.browser import page
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.loopback import own_address

ANN = "ann@nordlicht.test"


@contextmanager
def application(content: dict[str, str]) -> Iterator[str]:
    """Serve one page, ``content["html"]``, as another program would; gives its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            octets = content["html"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((own_address(), 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{server.server_address[0]!s}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def seen(browser: Page, origin: str, linked: str) -> tuple[str, str]:
    """Open a program's page; gives the text of its frame, and what its script could fetch: the status, or "refused"."""
    browser.goto(origin, wait_until="load")
    (frame,) = [frame for frame in browser.frames if frame != browser.main_frame]
    text = frame.inner_text("body") if frame.url == linked else ""
    fetched = browser.evaluate(
        "url => fetch(url).then(answer => String(answer.status), () => 'refused')",
        linked.replace("/embed/invoice?", "/embed/invoice.json?"),
    )
    return text, str(fetched)


HTML = """<html><body><h1>Dear Ann</h1><p id="said">as sent</p>
<script>document.getElementById("said").textContent = "owned"; top.location = "https://evil.invalid/"</script>
<img src="https://tracker.invalid/x.png" onerror="document.title='owned'"></body></html>"""


@pytest.mark.needs("chromium")
def test_the_mail_within_the_frame_is_locked_in(make_homing: MakeHoming) -> None:
    """Its HTML is shown two frames deep; no script runs, nothing is loaded, no cookie is set, and it is no open."""
    content = {"html": ""}
    with application(content) as named:
        homing: Homing = make_homing({"admin": {"embeds": {"frame_ancestors": [named], "origins": [named]}}})
        homing.settings["admin"]["base_url"] = homing.admin_url
        homing.route("nordlicht.test", f"{homing.address}:1")  # nobody is there: it stays on its way
        homing.start()
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = "office@club.test", ANN, "Locked in"
        mail.set_content("plain")
        mail.add_alternative(HTML, subtype="html")
        sent = hand_over(homing, mail.as_bytes(), [ANN], login=homing.login())
        linked = homing.run("embed", "link", "message", "--message", str(sent.message_id)).strip()
        content["html"] = f'<iframe width="900" height="900" src="{escape(linked)}"></iframe>'
        refused: list[tuple[str, str | None]] = []
        with page() as browser:
            browser.on("requestfailed", lambda request: refused.append((request.url, request.failure)))
            browser.goto(named, wait_until="load")
            preview = browser.frame_locator("iframe").frame_locator("iframe[sandbox]")
            expect(preview.locator("h1")).to_have_text("Dear Ann", timeout=60_000)
            expect(preview.locator("#said")).to_have_text("as sent")
            assert browser.context.cookies() == []
            assert browser.url.rstrip("/") == named
        assert refused == [("https://tracker.invalid/x.png", "csp")]  # by the policy, before a name was looked up
        assert "opened" not in homing.kinds(ANN)


@pytest.mark.needs("chromium")
def test_a_view_is_shown_in_the_named_programs_page_and_in_no_other(make_homing: MakeHoming) -> None:
    """The frame and the JSON are for the origin in the configuration; the picture of a status is for any page."""
    content = {"html": ""}
    with application(content) as named, application(content) as other:
        homing: Homing = make_homing({"admin": {"embeds": {"frame_ancestors": [named], "origins": [named]}}})
        homing.settings["admin"]["base_url"] = homing.admin_url
        homing.route("nordlicht.test", f"{homing.address}:1")  # nobody is there: it stays on its way
        homing.start()
        sent = b"X-Homing-Invoice: INV-1042\r\n" + invoice(ANN)
        hand_over(homing, sent, [ANN], login=homing.login())
        homing.event(event="accepted", address=ANN)
        linked = homing.run("embed", "link", "invoice", "--invoice", "INV-1042").strip()
        badge = homing.run("embed", "link", "badge", "--invoice", "INV-1042").strip()
        content["html"] = f'<iframe src="{escape(linked)}"></iframe><img src="{escape(badge)}">'
        with page() as browser:
            text, fetched = seen(browser, named, linked)
            assert "Rechnung für November" in text
            assert ANN in text
            assert fetched == "200"
            width = browser.evaluate("document.images[0].naturalWidth")
            assert browser.context.cookies() == []
            refused, not_fetched = seen(browser, other, linked)
            assert (refused, not_fetched) == ("", "refused")
            assert browser.evaluate("document.images[0].naturalWidth") == width > 20
