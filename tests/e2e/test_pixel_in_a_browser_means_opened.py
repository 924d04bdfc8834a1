"""What counts as opened: a real browser that shows the mail. And what does not."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.browser import html_of, page
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

ANN = "ann@nordlicht.test"
# Apple's privacy proxy says exactly this, whether or not anybody reads the mail.
APPLE = "Mozilla/5.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PREVIEW = "Mozilla/5.0 (X11; Linux x86_64) Preview/1.0"  # the same program's HEAD would make its GET uncertain


@pytest.fixture
def homing(serve: Serve[Postfix], make_homing: MakeHoming) -> Homing:
    """Give a Homing that has delivered one invoice to Ann."""
    there = serve(Postfix("mx.nordlicht.test", mailboxes=[ANN]))
    homing = make_homing()
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    sent = hand_over(homing, invoice(ANN), [ANN], login=homing.login())
    received = until("the mail is in the Maildir", lambda: there.mails(ANN))[0]
    (homing.folder / "received.eml").write_bytes(received)
    (homing.folder / "pixel.txt").write_text(compare(sent.content, received).pixel_url)
    homing.event(event="delivered", address=ANN)
    return homing


def status(homing: Homing) -> str:
    """Ann's status."""
    return str(json.loads(homing.run("status", ANN, "--json").splitlines()[0])["status"])


def load(url: str, agent: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Ask for a pixel; gives status, content type and content."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    try:
        connection.request(method, parts.path, headers={"User-Agent": agent, "Accept": "image/*"})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


@pytest.mark.needs("chromium")
def test_a_browser_that_shows_the_mail_makes_it_opened(homing: Homing, tmp_path: Path) -> None:
    """Chromium shows the received HTML with its logo and loads the pixel: Opened, by a person. No disfigurement."""
    file = html_of((homing.folder / "received.eml").read_bytes(), tmp_path)
    requested: list[str] = []

    with page() as browser:
        browser.on("request", lambda request: requested.append(request.url))
        browser.goto(file.as_uri(), wait_until="load")
        text = browser.inner_text("body")
        sizes = browser.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.naturalHeight])")

    assert "Rechnung INV-1042" in text
    assert sizes == [[64, 64], [1, 1]]
    assert (homing.folder / "pixel.txt").read_text() in requested
    opened = homing.event(event="opened", address=ANN)
    assert opened["verdict"] == "person"
    assert status(homing) == "opened"


def test_a_head_an_apple_prefetch_and_a_bad_token_do_not(homing: Homing) -> None:
    """
    HEAD, Apple's prefetch and a forged token get the same answer as a person, and leave the status Delivered.

    A person's load after them does count, so the pixel was in order all the time.
    """
    url = (homing.folder / "pixel.txt").read_text()
    image = load(url, APPLE)
    flipped = "A" if url[-5] != "A" else "B"
    forged = f"{url[:-5]}{flipped}.gif"

    assert image[0] == 200
    assert image[1] == "image/gif"
    assert len(image[2]) == 43
    assert load(forged, FIREFOX) == image
    assert load(f"{homing.pixel_url}/o/{'A' * 22}.gif", FIREFOX) == image
    assert load(url, PREVIEW, "HEAD")[:2] == image[:2]
    prefetched = homing.event(event="opened", address=ANN)
    assert prefetched["verdict"] == "prefetch"
    assert status(homing) == "delivered"
    assert not [event for event in homing.events(event="opened") if event["verdict"] in ("person", "proxy")]

    load(url, FIREFOX)

    homing.event(event="opened", address=ANN, verdict="person")
    assert status(homing) == "opened"
