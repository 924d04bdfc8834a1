"""The ways in which mail programs show a mail, acted by a real browser: each ends in the status that is right."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeHoming, Serve
from tests.e2e.rigs.browser import chromium, html_of, new_page
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.compare import compare
from tests.e2e.rigs.homing import Homing
from tests.e2e.rigs.image_proxy import image_proxy
from tests.e2e.rigs.invoice import invoice
from tests.e2e.rigs.later import minutes_later
from tests.e2e.rigs.mail_server import SMTP_PORT
from tests.e2e.rigs.postfix import Postfix
from tests.e2e.rigs.until import until

GMAIL, YAHOO, APPLE, OUTLOOK = PEOPLE = [f"{name}@nordlicht.test" for name in ("greta", "yann", "anna", "olaf")]
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE_PREFETCH = "Mozilla/5.0"


@pytest.fixture
def mails(serve: Serve[Postfix], make_homing: MakeHoming, tmp_path: Path) -> tuple[Homing, dict[str, tuple[Path, str]]]:
    """Give a Homing that delivered an invoice to each two minutes ago; of each the HTML as a file, and the pixel."""
    there = serve(Postfix("mx.nordlicht.test", mailboxes=PEOPLE))
    homing = make_homing({"pixel": {"trusted_proxies": ["127.0.0.0/8"]}})
    homing.route("nordlicht.test", f"{there.address}:{SMTP_PORT}")
    homing.start()
    login, shown = homing.login(), {}
    for person in PEOPLE:
        sent = hand_over(homing, invoice(person), [person], login=login)
        received = until("the mail is in the Maildir", lambda person=person: there.mails(person))[0]
        folder = tmp_path / person
        folder.mkdir()
        shown[person] = html_of(received, folder), compare(sent.content, received).pixel_url
        homing.event(event="delivered", address=person)
    homing.terminate()
    homing.start(minutes_later(2))
    return homing, shown


def told(homing: Homing, address: str) -> dict[str, Any]:
    """What `homing status` says of an address."""
    answer: dict[str, Any] = json.loads(homing.run("status", address, "--json").splitlines()[0])
    return answer


def opens(homing: Homing) -> dict[str, list[str]]:
    """Verdicts of the opens so far, by address."""
    found: dict[str, list[str]] = {}
    for event in homing.events(event="opened"):
        found.setdefault(event["address"], []).append(event["verdict"])
    return found


@pytest.mark.needs("chromium")
def test_each_way_ends_in_the_right_status(mails: tuple[Homing, dict[str, tuple[Path, str]]]) -> None:
    """
    Gmail's proxy loads on display and again on the next one: Opened, one view within the window.

    Yahoo's proxy keeps the image: Opened, and the second display is not seen. Apple loads before anybody reads, and
    gives a later display from its cache: Delivered, cannot be known. Outlook shows no images until it is told to:
    Delivered, then Opened.
    """
    homing, shown = mails

    with chromium() as browser:
        for person, agent, client, keeps in (
            (GMAIL, GMAIL_PROXY, "66.249.93.41", False),
            (YAHOO, YAHOO_PROXY, "98.139.245.10", True),
            (APPLE, APPLE_PREFETCH, "172.225.36.10", True),
        ):
            file, pixel = shown[person]
            with image_proxy(agent, client, keeps=keeps) as proxy:
                if person == APPLE:
                    proxy.load(pixel)
                    homing.event(event="opened", address=APPLE)
                page = new_page(browser, proxy=proxy.url)
                for _ in range(2):
                    page.goto(file.as_uri(), wait_until="load")
                page.close()
                assert proxy.asked == [pixel, pixel]
                assert proxy.loaded == [pixel] * (1 if keeps else 2)
    file, pixel = shown[OUTLOOK]
    for images in (False, True):
        asked: list[str] = []
        with chromium(images=images) as browser:
            page = new_page(browser)
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(file.as_uri(), wait_until="load")
            assert "Rechnung INV-1042" in page.inner_text("body")
        assert (pixel in asked) == images
    homing.event(event="opened", address=OUTLOOK)
    homing.event(event="opened", address=GMAIL)
    homing.event(event="opened", address=YAHOO)

    assert opens(homing) == {GMAIL: ["proxy"], YAHOO: ["proxy"], APPLE: ["prefetch"], OUTLOOK: ["person"]}
    statuses = {person: told(homing, person) for person in PEOPLE}
    assert {person: (it["status"], it["opens"], it["loaded_automatically_by"]) for person, it in statuses.items()} == {
        GMAIL: ("opened", 1, None),
        YAHOO: ("opened", 1, None),
        APPLE: ("delivered", 0, "Apple"),
        OUTLOOK: ("opened", 1, None),
    }
