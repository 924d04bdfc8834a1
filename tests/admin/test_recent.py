"""admin/recent.py and its template."""

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from admin.recent import PAGE, Asked, RecentPage, read
from admin.server import AdminServer
from store.nouns import Reason, RecipientStatus
from store.rows import RecipientRow
from tests.admin.rig import NOW, FakeStore, ask, row

NASTY = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{7*7}}</textarea>&lt;"""


def text_of(html: str, selector: str) -> list[str]:
    return [" ".join(node.text(separator=" ").split()) for node in HTMLParser(html).css(selector)]


def hrefs(html: str, selector: str) -> list[str]:
    return [node.attributes.get("href") or "" for node in HTMLParser(html).css(selector)]


async def test_recipients_with_their_statuses(server: AdminServer, store: FakeStore) -> None:
    """Newest first, each with address, subject, ids, the word, the sentence, what to do, the server's words."""
    store.rows = [
        row(2, status=RecipientStatus.OPENED, opens=3, last_opened_at=NOW - 60, opened_at=NOW - 600),
        row(
            1,
            forward_path="gone@sandbox.test",
            status=RecipientStatus.BOUNCED,
            reason=Reason.NO_SUCH_USER,
            last_reply="550 5.1.1 User unknown",
            remote_host="mx.sandbox.test",
            remote_address="192.0.2.1",
            tls="TLSv1.3",
            bounced_at=NOW - 7_000,
            rule="unknown-mailbox",
        ),
    ]
    html = (await ask(server)).text
    assert text_of(html, ".address") == ["ann@sandbox.test", "gone@sandbox.test"]
    assert text_of(html, ".chip") == ["Opened", "Bounced"]
    assert "3 times, last 15 Jan 07:59" in text_of(html, ".row")[0]
    bounced = text_of(html, ".row")[1]
    for piece in (
        "This email address does not exist.",
        "550 5.1.1 User unknown",
        "mx.sandbox.test (192.0.2.1)",
        "TLSv1.3",
        "unknown-mailbox",
        "Invoice INV-1042",
        "Customer 4711",
    ):
        assert piece in bounced
    assert [node.attributes["datetime"] for node in HTMLParser(html).css(".labels time")] == [
        "2027-01-15T06:00:00Z"
    ] * 2
    assert text_of(html, ".labels time") == ["2 hours ago · 15 Jan 06:00"] * 2


async def test_stored_scripts_stay_text(server: AdminServer, store: FakeStore) -> None:
    """W1: a payload in every field a stranger can write is shown as text and makes no element."""
    store.rows = [
        row(
            subject=NASTY,
            forward_path=NASTY,
            customer=NASTY,
            invoice=NASTY,
            last_reply=NASTY,
            remote_host=NASTY,
            remote_address=NASTY,
            tls=NASTY,
            rule=NASTY,
            no_pixel_why=NASTY,
        )
    ]
    html = (await ask(server, "/?q=%3Cscript%3Ealert(1)%3C/script%3E%22%3E")).text
    assert "<script" not in html
    tree = HTMLParser(html)
    assert tree.css("script, img, iframe, textarea, style") == []
    assert not [node for node in tree.css("*") if any(name.startswith("on") for name in node.attributes)]
    assert text_of(html, ".subject") == [" ".join(NASTY.split())]
    assert "49" not in text_of(html, ".subject")[0]
    assert tree.css_first("#q").attributes["value"] == '<script>alert(1)</script>">'


async def test_no_inline_style_or_script(server: AdminServer, store: FakeStore) -> None:
    """The content security policy would not let it work."""
    store.rows = [row(n, status=status) for n, status in enumerate(RecipientStatus)]
    tree = HTMLParser((await ask(server)).text)
    assert tree.css("script, style, [style]") == []


async def test_filters_keep_what_else_was_asked(server: AdminServer, store: FakeStore) -> None:
    """Status and address go together, in links that can be sent to a colleague."""
    store.rows = [row()]
    html = (await ask(server, "/?status=bounced&q=a%2Bb%40x.test&live=on")).text
    assert store.asked == [
        {"limit": PAGE + 1, "before": None, "status": RecipientStatus.BOUNCED, "address": "a+b@x.test"}
    ]
    assert "/?status=opened&q=a%2Bb%40x.test&live=on" in hrefs(html, ".filter")
    assert text_of(html, ".filter[aria-current]") == ["Bounced"]
    assert HTMLParser(html).css_first('input[name="status"]').attributes["value"] == "bounced"


async def test_pages_by_cursor(server: AdminServer, store: FakeStore) -> None:
    """A full page links to the older ones by the last id shown; the last page does not; each row comes once."""
    store.rows = [row(n, forward_path=f"r{n}@sandbox.test") for n in range(2 * PAGE, 0, -1)]
    seen: list[str] = []
    target = "/"
    pages = 0
    while target:
        html = (await ask(server, target)).text
        seen += text_of(html, ".address")
        pages += 1
        target = next(iter(hrefs(html, 'a[rel="next"]')), "")
    assert pages == 2
    assert seen == [f"r{n}@sandbox.test" for n in range(2 * PAGE, 0, -1)]
    assert "/" in hrefs(html, ".pages a")


async def test_a_full_page_is_light(server: AdminServer, store: FakeStore) -> None:
    """Under 60 KB with rows that all have something to tell."""
    reply = "550 5.1.1 <somebody.with.a.name@some-school.example>: Recipient address rejected: User unknown"
    store.rows = [
        row(
            n,
            status=RecipientStatus.BOUNCED,
            reason=Reason.NO_SUCH_USER,
            last_reply=reply,
            remote_host="mx1.some-school.example",
            remote_address="192.0.2.1",
            bounced_at=NOW - 60,
            rule="user-unknown",
        )
        for n in range(2 * PAGE, 0, -1)
    ]
    answer = await ask(server)
    assert len(answer.text.encode()) + len((await ask(server, "/style.css")).text) < 72_000
    assert len(answer.text.encode()) < 61_440


async def test_live_page_comes_again_by_itself(server: AdminServer, store: FakeStore) -> None:
    """Without a script; only the newest page does, so nothing moves under a reader of older ones."""
    store.rows = [row()]
    assert (await ask(server, "/?live=on")).headers["Refresh"] == "5"
    assert "Refresh" not in (await ask(server, "/?live=on&before=9")).headers
    assert "Refresh" not in (await ask(server)).headers


async def test_empty_page_shows_the_settings(server: AdminServer) -> None:
    """Before the first mail: what to put into an application."""
    html = (await ask(server)).text
    assert text_of(html, ".settings dt") == ["Server", "Port"]
    assert text_of(html, ".settings dd") == ["127.0.0.1", "2525"]


async def test_nothing_found_is_another_page(server: AdminServer) -> None:
    """A filter that fits nothing says so, and leads back."""
    html = (await ask(server, "/?q=nobody")).text
    assert "Nothing here" in html
    assert text_of(html, ".settings") == []


async def test_store_that_cannot_be_read(
    server: AdminServer, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    """503 in a plain sentence; the log tells why, the page does not."""
    store.readable = False
    answer = await ask(server)
    assert answer.status == 503
    assert "secret" not in answer.text
    assert "database is locked" in caplog.text


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, Asked()),
        ({"status": "opened"}, Asked(status=RecipientStatus.OPENED)),
        ({"status": "read"}, Asked()),
        ({"before": "17"}, Asked(before=17)),
        ({"before": str(2**63 - 1)}, Asked(before=2**63 - 1)),
        ({"before": str(2**63)}, Asked()),
        ({"before": "-1"}, Asked()),
        ({"before": "\u0661\u0667"}, Asked()),
        ({"before": "9" * 5_000}, Asked()),
        ({"q": "  a@b.test\0 "}, Asked(address="a@b.test")),
        ({"q": "x" * 321}, Asked(address="x" * 320)),
        ({"live": "on"}, Asked(live=True)),
        ({"live": "yes", "other": "1"}, Asked()),
    ],
)
def test_address_bar(query: dict[str, str], asked: Asked) -> None:
    """What makes sense is taken, all else is left out; at the limit and one past it."""
    assert read(query) == asked


@given(st.dictionaries(st.sampled_from(["status", "q", "before", "live"]), st.text(max_size=30)))
def test_any_address_bar(query: dict[str, str]) -> None:
    """Whatever stands there is read, and written the same again."""
    asked = read(query)
    assert asked.href().startswith("/")


async def test_what_was_probably_meant_is_asked_of_whom_it_was_handed(store: FakeStore) -> None:
    """The page knows nothing of bounces: it asks for each row shown, and escapes what it is given."""
    store.rows = [row(2, status=RecipientStatus.BOUNCED, reason=Reason.DOMAIN_NOT_FOUND), row(1)]

    async def did_you_mean(each: RecipientRow) -> str:
        return "<b>ann@gmail.com" if each.recipient_id == 2 else ""

    page = RecentPage(store, smtp_settings=(), style_version="1", clock=lambda: NOW, did_you_mean=did_you_mean)
    text = (await page.show(make_mocked_request("GET", "/"))).text or ""
    assert text.count("Did you mean") == 1
    assert "Did you mean &lt;b&gt;ann@gmail.com?" in text
