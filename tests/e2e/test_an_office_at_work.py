"""
The ten things an office does with the pages, in a real browser; the same without a script; and that everybody can.

One Homing with its sandbox is filled once: invoices, a newsletter, addresses that fail in each way.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.rigs import office
from tests.e2e.rigs.browser import chromium
from tests.e2e.rigs.homing import Homing, Login

AXE = Path(__file__).parent / "clients/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOGO = "Loading the image 'https://tracker.invalid/logo.png' violates"  # as it should be
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1280, "height": 800}
expect.set_options(timeout=60_000)  # milliseconds; only a failing test waits for it
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(400)]


@dataclass
class Office:
    """A filled Homing, and a browser."""

    homing: Homing
    login: Login
    ids: dict[str, int]
    password: str
    browser: Browser

    def enter(self, **options: Any) -> Page:
        """Open a page with a log-in of its own."""
        context: BrowserContext = self.browser.new_context(viewport=SCREEN, **options)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(self.homing.admin_url)
        page.fill("#name", "admin")
        page.fill("#password", self.password)
        page.click("button.primary")
        expect(page.locator("h1")).to_have_text("Today")
        return page

    def url(self, path: str) -> str:
        return self.homing.admin_url + path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    homing = Homing(folder, {"relay": {"sandbox": {"enabled": True}, "delivery": {"schedule": ["1h"]}}})
    homing.settings["relay"]["sandbox"]["listen"] = f"{homing.address}:2527"
    try:
        homing.start()
        login = homing.login()
        ids = office.fill(homing, login)
        homing.event(event="bounced", address=office.at("gone"), seconds=90)
        homing.event(event="bounced", address=office.at("later-bounce"), seconds=90)
        homing.event(event="opened", address=office.at("maria.lopez"), seconds=90)
        office.again(homing, login)
        homing.event(event="suppressed", address=office.at("gone"), seconds=90)
        homing.event(event="opened", address=office.at("nora.silva"), seconds=90)
        with chromium() as browser:
            yield Office(homing, login, ids, office.password(homing), browser)
    finally:
        homing.stop()


def troubles_of(page: Page) -> list[str]:
    """Note what goes wrong in the page's console."""
    troubles: list[str] = []
    page.on("console", lambda it: troubles.append(it.text) if it.type == "error" and LOGO not in it.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    return troubles


def test_with_a_script_one_to_five(world: Office) -> None:
    """See, search, read, filter, copy. Nothing goes wrong in the console but that the mail's logo is not loaded."""
    page = world.enter(permissions=["clipboard-read", "clipboard-write"])
    troubles = troubles_of(page)

    # 1. Today: what needs a person, with a sentence and what to do.
    needs = page.locator(".list li", has_text=office.at("gone")).first
    expect(needs).to_contain_text("Not delivered")
    expect(needs).to_contain_text("Ask them for another address")

    # 2. The key / goes to the search box; an invoice is found.
    page.keyboard.press("/")
    page.keyboard.type("INV-1042")
    page.keyboard.press("Enter")
    expect(page.locator(".list .first")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".list li.at .first")).to_have_text("Your November fees")

    # 3. The mail as its recipient saw it, and at the width of a phone; its logo from elsewhere is not loaded.
    page.goto(world.url(f"/messages/{world.ids['INV-1042']}"))
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("Your November fees")
    expect(page.locator(".files")).to_contain_text("INV-1042.pdf")
    page.click("text=Phone")
    expect(page.locator(".preview iframe")).to_have_css("width", "375px")

    # 4. Who did not get the newsletter.
    page.goto(world.url(f"/messages/{world.ids['newsletter']}"))
    page.click(".tabs >> text=Recipients")
    expect(page.locator(".list .first").first).not_to_contain_text("ana")
    page.click(".filters >> text=Bounced")
    expect(page.locator(".list .first")).to_have_text(
        [office.at(name) for name in ("suspended", "toolarge", "invalid")]
    )

    # 5. Their addresses on the clipboard, and the list as a file.
    page.click("text=Copy addresses")
    expect(page.locator("text=Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == [
        office.at(name) for name in ("suspended", "toolarge", "invalid")
    ]
    with page.expect_download() as download:
        page.click("text=Export CSV")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["Bounced"] * 3

    assert troubles == []
    page.context.close()


def test_with_a_script_six_to_ten(world: Office) -> None:
    """Tell, try again, prove, telephone, watch. Nothing goes wrong in the console."""
    page = world.enter(timezone_id="America/Bogota")
    troubles = troubles_of(page)

    # 6. Times are those of the place; the story of one beside the list, which stays.
    page.goto(world.url(f"/messages/{world.ids['newsletter']}/recipients?status=bounced"))
    page.click(f"text={office.at('toolarge')}")
    expect(page.locator("#panel")).to_contain_text("too large")
    expect(page.locator(".list .first")).to_have_count(3)

    # Sent to her again, it is a mail of its own.
    page.goto(world.url("/messages?q=INV-1042"))
    page.click(".list .first a >> nth=1")
    page.click(".tabs >> text=Recipients")
    page.check(".list input >> nth=0")
    page.click("text=Send again")
    expect(page.locator(".said")).to_have_text("It was sent again.")
    page.goto(world.url("/messages?q=INV-1042"))
    expect(page.locator(".list .first")).to_have_count(3)

    # 7. An address was corrected: mail goes there again.
    page.goto(world.url(f"/customers/{office.at('later-bounce')}"))
    expect(page.locator(".health .big")).to_contain_text("Not used since")
    page.click("text=It is corrected: try again")
    expect(page.locator(".said")).to_contain_text("Mail goes to this address again.")

    # 8. The proof that an invoice was delivered, printed.
    page.goto(world.url("/invoices/INV-1042"))
    expect(page.locator("main h2").nth(1)).to_contain_text("Reminder 1")
    expect(page.locator("main")).to_contain_text("it said:")
    page.emulate_media(media="print")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator("main")).to_contain_text("250")
    expect(page.locator("td .abs").first).to_be_visible()  # in UTC, whatever the zone of the screen
    expect(page.locator("td .local").first).to_be_hidden()
    page.emulate_media(media="screen")

    # 9. Whom to ring up.
    page.goto(world.url("/chase"))
    expect(page.locator(".list")).to_contain_text("INV-1043")
    with page.expect_download() as download:
        page.click("text=Phone list")
    assert "4712" in {
        row["customer"] for row in csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig")))
    }

    # 10. What happens now shows up by itself.
    page.goto(world.url("/"))
    content = office.mail(office.at("watched"), "Look at this", tag="live")
    office.hand_over(world.homing, world.login, content, [office.at("watched")])
    expect(page.locator(".live li", has_text=f"Delivered · {office.at('watched')}")).to_be_visible()
    assert troubles == []
    page.context.close()


def test_without_a_script(world: Office) -> None:
    """The same by links, forms and reloads."""
    page = world.enter(java_script_enabled=False)
    page.fill("#q", "INV-1045")
    page.press("#q", "Enter")
    expect(page.locator(".list .first")).to_have_count(1)
    page.click(".list .first a")
    expect(page.locator("h1")).to_have_text("Your November fees")
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("Your November fees")
    page.click("text=Text")
    expect(page.locator(".preview pre")).to_contain_text("Dear member")
    page.goto(world.url(f"/messages/{world.ids['newsletter']}/recipients"))
    page.click(".filters >> text=Bounced")
    expect(page.locator(".list .first")).to_have_count(3)
    page.click(".list .first a >> nth=1")
    expect(page.locator(".story h3").nth(1)).to_be_visible()
    page.click("summary >> nth=-1")
    page.goto(world.url(f"/customers/{office.at('suspended')}"))
    page.click("text=It is corrected: try again")
    expect(page.locator(".said")).to_contain_text("Mail goes to this address again.")
    page.goto(world.url("/queue"))
    page.check(".list li >> nth=0 >> input")
    page.click("text=Keep it back")
    expect(page.locator(".said")).to_contain_text("kept back")
    page.goto(world.url("/suppressions"))
    page.fill("#address", "stop@club.test")
    page.click("text=Send nothing there any more")
    expect(page.locator(".list .first", has_text="stop@club.test")).to_have_count(1)
    page.goto(world.url("/credentials"))
    page.fill("#name", "second-app")
    page.click("text=Make it")
    expect(page.locator(".secret")).to_contain_text("shown this once")
    page.goto(world.url("/account"))
    page.select_option("#language", "es")
    page.click("text=Save")
    expect(page.locator("h1")).to_have_text("Su cuenta")
    page.select_option("#language", "")
    page.click("text=Guardar")
    page.click(".who summary")
    page.click("text=Log out")
    expect(page.locator("h1")).to_have_text("Log in")
    page.context.close()


PAGES = [
    "/",
    "/customers",
    "/customers/4711",
    "/customers/gone@sandbox.test",
    "/messages",
    "/messages/{newsletter}",
    "/messages/{newsletter}/recipients",
    "/messages/{newsletter}/source",
    "/invoices/INV-1042",
    "/chase",
    "/queue",
    "/suppressions",
    "/domains",
    "/webhooks",
    "/credentials",
    "/settings",
    "/people",
    "/audit",
    "/account",
    "/confirm",
    "/nothing-here",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_pages(world: Office, scheme: Any) -> None:
    """WCAG 2.2 AA by axe-core, on each page in both themes and on a phone; nothing is wider than the window."""
    assert AXE.exists(), "axe-core is missing: run scripts/provision"
    axe = AXE.read_text("utf-8")
    page = world.enter(color_scheme=scheme, reduced_motion="reduce")
    found: list[str] = []
    for path in (*PAGES, "/login-page"):
        if path == "/login-page":
            page.context.clear_cookies()
        page.goto(world.url("/login" if path == "/login-page" else path.format(**world.ids)))
        for size in (SCREEN, PHONE) if scheme == "light" else (SCREEN,):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.evaluate(axe)
            rules = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
            violations = page.evaluate(f"axe.run(document, {rules}).then(result => result.violations)")
            found += [f"{path} {size['width']}: {_spelled(each)}" for each in violations]
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [f"{path} {size['width']}: {wide} pixels too wide"] if wide > 0 else []
    assert not found, "\n".join(found)
    page.context.close()


def _spelled(violation: Any) -> str:
    first = violation["nodes"][0]
    return f"{violation['id']}: {first['html'][:160]} {first['failureSummary']}"


def test_what_strangers_wrote_does_not_run(world: Office) -> None:
    """W1, W2: a mail that is full of scripts is looked at on each of its pages; none of them runs or loads anything."""
    content = office.mail(
        office.at("evil"), EVIL, invoice="INV-EVIL", customer="666", html=f"<html><body>{EVIL}</body></html>"
    )
    content = content.replace(b'filename="INV-EVIL.pdf"', b'filename="<img src=x onerror=alert(1)>.pdf"')
    message_id = office.hand_over(world.homing, world.login, content, [office.at("evil")])
    world.homing.event(event="opened", address=office.at("evil"), seconds=90)
    page = world.enter()
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    paths = (
        "/",
        "/messages",
        f"/messages/{message_id}",
        f"/messages/{message_id}/recipients",
        f"/messages/{message_id}/source",
        f"/messages/{message_id}/preview",
        "/invoices/INV-EVIL",
        "/customers/666",
        "/messages?q=%3Cscript%3Edocument.title%3D'owned'%3C/script%3E",
    )
    for path in paths:
        page.goto(world.url(path))
        assert page.title() != "owned", path
        assert page.locator("img").count() == (1 if path.endswith("/preview") else 0), path
    assert dialogs == []
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {world.homing.admin_url.split("/")[2]}
    page.context.close()
