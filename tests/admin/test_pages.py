"""The pages of the office and of whoever runs the relay: what they show, what they change, and what they never run."""

import csv
import io
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.csv_file import line, safe
from admin.outside import Outside
from admin.pages.chart import bar, opens
from admin.pages.suppressions import addresses_in
from admin.webhooks.url import UrlRules
from relay.message.shown import shown
from store.nouns import Role
from store.open import Store
from store.queries.rows import Slot
from store.queries.standing import Counts
from tests.admin.rig import SETTINGS, Filled, Visitor
from tests.conftest import Clock
from tests.store.mail import accept

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
PAGES = [
    "/",
    "/customers",
    "/customers/eve@c.test",
    "/customers/4711",
    "/messages",
    "/messages?q=news",
    "/messages/{newsletter}",
    "/messages/{newsletter}?view=text",
    "/messages/{newsletter}/recipients",
    "/messages/{newsletter}/source",
    "/invoices/INV-7",
    "/chase?days=0",
    "/queue",
    "/suppressions",
    "/domains",
    "/webhooks",
    "/credentials",
    "/settings",
    "/people",
    "/audit",
    "/account",
]


@pytest.fixture
def outside(again: list[int]) -> Outside:
    """Give everything that pages may ask for."""

    async def send_again(ids: Any) -> list[int]:
        again.extend(ids)
        return [1]

    rules = UrlRules(refusal=lambda _: "", ports=(443,))
    return Outside(smtp_settings=SETTINGS, read_mail=shown, send_again=send_again, url_rules=rules)


async def test_each_page_opens_in_each_language(admin: Visitor, filled: Filled) -> None:
    """With a heading, the navigation, and the language said; in Spanish no English heading is left."""
    for target in PAGES:
        headings = set()
        for language in ("en", "es"):
            admin.language = language
            answer = await admin.get(target.format(newsletter=filled.newsletter))
            assert answer.status == 200, target
            assert f'<html lang="{language}">' in answer.text
            assert len(answer.texts("h1")) == 1
            assert answer.texts(".side a")[0] == {"en": "Today", "es": "Hoy"}[language]
            headings.add(answer.texts("h1")[0])
        assert len(headings) == 2 or target.startswith(("/messages/", "/customers/eve"))


async def test_without_mail_the_settings_are_shown(viewer: Visitor) -> None:
    """Today and Messages say what to put into the application."""
    for target in ("/", "/messages"):
        answer = await viewer.get(target)
        assert answer.texts(".settings dd")[:2] == ["127.0.0.1", "2525"]


async def test_today_says_what_needs_a_person(viewer: Visitor, filled: Filled) -> None:
    """Numbers with what they are of; failures with a sentence and what to do."""
    del filled
    answer = await viewer.get("/")
    assert answer.texts(".tile") == [
        "3 mails, to 6 recipients",
        "2 delivered of 6",
        "1 opened of 2 delivered",
        "2 bounced",
        "1 not delivered",
        "0 delayed over an hour",
    ]
    assert answer.texts(".list .first") == ["eve@c.test", "eve@c.test", "cleo@b.test"]
    assert "Ask them to empty their mailbox" in answer.text
    assert len(answer.texts(".live li")) > 5


async def test_the_customer_and_trying_again(operator: Visitor, store: Store, filled: Filled) -> None:
    """An address that is not used says since when and why; lifted, it says that nothing is known yet. Audited."""
    del filled
    answer = await operator.get("/customers/eve@c.test")
    assert answer.texts(".health .big") == ["Not used since 21 Sep 14:13"]
    assert answer.texts(".filters a")[:2] == ["All 2", "Opened 0"]
    answer = await operator.post("/customers/try-again", {"address": "eve@c.test", "key": "4711"})
    assert answer.headers["Location"] == "/customers/4711?said=lifted"
    assert await store.suppressions.get("eve@c.test") is None
    answer = await operator.get("/customers/4711?said=lifted")
    assert answer.texts(".said") == ["Mail goes to this address again."]
    (change, *_) = await store.audit.list()
    assert (change.who, change.address, change.action, change.subject) == (
        "otto",
        "127.0.0.1",
        "suppression.lift",
        "eve@c.test",
    )
    assert dict(change.before) == {"reason": "no_such_user"}
    assert (
        (await operator.post("/customers/try-again", {"address": "eve@c.test"})).headers["Location"].endswith("cannot")
    )
    assert (await operator.get("/customers/nobody@c.test")).status == 404


async def test_the_search_box(viewer: Visitor, filled: Filled) -> None:
    """Words find mails and customers; what is not understood is said; the box keeps what was typed."""
    del filled
    answer = await viewer.get("/messages?q=INV-7")
    assert answer.texts(".list .first") == ["Reminder", "Your fees"]
    answer = await viewer.get("/messages?q=cleo+status:bounced+since:yesterday")
    assert answer.texts(".list .first") == ["News"]
    assert "Not understood: since:yesterday" in answer.text
    assert 'value="cleo status:bounced since:yesterday"' in answer.text
    assert "cleo@b.test" in "".join(answer.texts(".card li"))
    assert (await viewer.get("/messages?q=nothing-like-it")).texts("h2")[-1] == "Nothing found"
    assert (await viewer.get("/messages?cursor=nonsense")).status == 404


async def test_recipients_failures_first(operator: Visitor, filled: Filled, again: list[int]) -> None:
    """Chips with counts; what was ticked is sent again; ids of another mail are not."""
    path = f"/messages/{filled.newsletter}"
    answer = await operator.get(f"{path}/recipients")
    assert answer.texts(".filters a") == ["All 4", "Bounced 1", "Sending 1", "Delivered 1", "Opened 1"]
    assert answer.texts(".list .first") == ["cleo@b.test", "dan@b.test", "bob@a.test", "ann@a.test"]
    assert (await operator.get(f"{path}/recipients?status=bounced")).texts(".list .first") == ["cleo@b.test"]
    ids = [node.attributes["value"] for node in answer.page.css("input[name=id]")]
    other = (await operator.get(f"/messages/{filled.invoice}/recipients")).page.css_first("input[name=id]")
    assert other is not None
    chosen = {"id": [ids[0], ids[1], other.attributes["value"]]}
    assert (await operator.post(f"{path}/again", chosen)).headers["Location"].endswith("said=again")
    assert sorted(map(str, again)) == sorted(str(each) for each in ids[:2])
    assert (await operator.post(f"{path}/again")).headers["Location"].endswith("said=nothing")
    assert (await operator.post(f"{path}/again", {"id": "x"})).status == 404


async def test_the_overview_has_its_denominators(viewer: Visitor, filled: Filled) -> None:
    """Of how many each number is; no page has the frame but where a mail is to be seen."""
    answer = await viewer.get(f"/messages/{filled.newsletter}")
    assert "2 of 4 recipients received it (50\u00a0%)" in answer.text
    assert answer.texts(".legend li") == ["Opened 1", "Delivered 1", "Bounced 1", "Sending 1"]
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]


async def test_the_invoice_log(viewer: Visitor, filled: Filled) -> None:
    """First sent, then the reminder that was not sent, each event in a sentence."""
    del filled
    answer = await viewer.get("/invoices/INV-7")
    assert [text.partition(" ·")[0] for text in answer.texts("h2") if "·" in text] == ["First sent", "Reminder 1"]
    assert "Not sent: an earlier email to this address came back." in answer.text
    assert (await viewer.get("/invoices/INV-8")).status == 404


async def test_chase_and_its_phone_list(viewer: Visitor, filled: Filled) -> None:
    """The invoice that nobody got, on the page and as a line for the telephone; nothing in it is a formula."""
    del filled
    assert "INV-7" in "".join((await viewer.get("/chase")).texts(".list .first"))
    answer = await viewer.get("/chase.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="to-chase.csv"'
    head, row = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert dict(zip(head, row, strict=True))["address"] == "eve@c.test"
    assert dict(zip(head, row, strict=True))["customer"] == "4711"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """W1: what a spreadsheet would calculate begins with an apostrophe."""
    assert safe(cell) == f"'{cell}"


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_cell_comes_back(cells: list[str]) -> None:
    """Quotes, line ends and commas within a cell stay within it."""
    written = line(cells)
    assert list(csv.reader(io.StringIO(written, newline=""), strict=True)) == [[safe(cell) for cell in cells]]


async def test_suppressions_by_hand_and_by_file(operator: Visitor, store: Store) -> None:
    """Added with a note, taken over from lines, lifted, given out as a file; what is no address is told."""
    answer = await operator.post("/suppressions", {"address": "=cmd@c.test", "note": "asked by phone"})
    assert answer.headers["Location"].endswith("said=suppressed")
    answer = await operator.post(
        "/suppressions/import", {"text": "address,why\nAnn <x>\na@c.test,left\n\nb@c.test\na@c.test"}
    )
    assert answer.headers["Location"].endswith("said=imported")
    page = await operator.get("/suppressions")
    assert page.texts(".list .first") == ["=cmd@c.test", "a@c.test", "b@c.test"]
    assert "asked by phone" in page.text
    assert (await operator.get("/suppressions?q=a%40c")).texts(".list .first") == ["a@c.test"]
    exported = (await operator.get("/suppressions.csv")).text
    assert "'=cmd@c.test" in exported
    await operator.post("/suppressions/lift", {"address": "a@c.test"})
    assert await store.suppressions.get("a@c.test") is None
    for wrong in ("", "nobody", "a@b@c", "x y@c.test", "<script>@c.test"):
        assert (await operator.post("/suppressions", {"address": wrong})).headers["Location"].endswith("no-addresses")
    assert (
        (await operator.post("/suppressions/import", {"text": "nothing"})).headers["Location"].endswith("no-addresses")
    )
    assert [change.action for change in await store.audit.list()][:3] == [
        "suppression.lift",
        "suppression.import",
        "suppression.add",
    ]


async def test_a_file_of_addresses(operator: Visitor, store: Store) -> None:
    """As a browser hands a file over: multipart, with the mark of spreadsheets; the token is looked for in it too."""
    await operator.get("/account")
    for token, status in (("0" * 64, 403), (operator.csrf, 303)):
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}\r\n',
            (
                '--b\r\nContent-Disposition: form-data; name="file"; filename="../../x.csv"\r\n'
                "Content-Type: text/csv\r\n\r\n\ufeffaddress\r\n'+tag@c.test\r\n--b--\r\n"
            ),
        ]
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await operator.ask("/suppressions/import", method="POST", body="".join(parts), **kind)
        assert answer.status == status
    assert await store.suppressions.get("+tag@c.test") is not None


@given(st.text(max_size=300))
def test_any_file_is_read_for_addresses(text: str) -> None:
    """Whatever it is: addresses, each once, and no exception."""
    found = list(addresses_in(text))
    assert len(found) == len({each.lower() for each in found})
    assert all(each.count("@") == 1 for each in found)


async def test_the_queue(operator: Visitor, store: Store, clock: Clock) -> None:
    """What waits can be held, released, tried and stopped, one by one and for a whole domain."""
    await accept(store, "ann@a.test", "bob@a.test", now=clock(), hold=False, subject="Waits")
    page = await operator.get("/queue")
    assert page.texts(".list .first") == ["ann@a.test", "bob@a.test"]
    assert page.texts("tbody th") == ["a.test"]
    first = page.page.css_first("input[name=id]")
    assert first is not None
    answer = await operator.post("/queue/hold", {"id": first.attributes["value"]})
    assert answer.headers["Location"] == "/queue?said=held"
    assert (await operator.get("/queue?state=held")).texts(".list .first") == ["ann@a.test"]
    answer = await operator.post("/queue/cancel", {"all": "domain", "domain": "a.test"})
    assert answer.headers["Location"] == "/queue?domain=a.test&said=cancelled"
    assert (await operator.get("/queue")).texts("h2")[-1] == "Nothing waits"
    assert (await operator.post("/queue/retry", {})).headers["Location"].endswith("nothing")
    assert (await operator.post("/queue/explode", {})).status == 404


async def test_one_recipients_story(operator: Visitor, store: Store, clock: Clock) -> None:
    """Event by event; held and released from its own page."""
    taken = await accept(store, "ann@a.test", now=clock(), hold=False, subject="Waits")
    (found,) = await store.find.message(taken.message_id)
    path = f"/recipients/{found.recipient.recipient_id}"
    assert (await operator.get(path)).texts(".story h3")[0].startswith("Taken")
    assert (await operator.post(f"{path}/hold")).headers["Location"] == f"{path}?said=held"
    assert (await operator.get(path)).texts(".health .big") == ["Held"]
    assert (await operator.post(f"{path}/hold")).headers["Location"] == f"{path}?said=cannot"
    assert (await operator.post(f"{path}/release")).headers["Location"] == f"{path}?said=released"
    assert "Send again" not in (await operator.get(path)).text
    await operator.post(f"{path}/cancel")
    assert "Send again" in (await operator.get(path)).text
    assert (await operator.post(f"{path}/again")).headers["Location"] == "/messages/1/recipients?said=again"
    (change, *_) = await store.audit.list()
    assert (change.action, change.subject) == ("recipient.again", path.rpartition("/")[2])


async def test_credentials(admin: Visitor, store: Store) -> None:
    """A password is shown once, works, and ends; the audit does not know it."""
    answer = await admin.post("/credentials", {"name": "app", "rate": "100", "networks": "192.0.2.0/24"})
    user, password = answer.texts(".settings dd")[-2:]
    assert await store.credentials.check(user, password, "192.0.2.1") is not None
    assert password not in (await admin.get("/credentials")).text
    assert password not in str(await store.audit.list())
    assert (await admin.post("/credentials", {"name": "app"})).status == 422
    assert (await admin.post("/credentials", {"name": "b", "networks": "nonsense"})).status == 422
    assert (await admin.post("/credentials", {"name": "", "rate": "x"})).status == 422
    assert (await admin.post("/credentials/app/revoke")).headers["Location"].endswith("revoked")
    assert "Ended" in (await admin.get("/credentials")).text
    assert (await admin.post("/credentials/app/revoke")).headers["Location"].endswith("cannot")


async def test_webhooks(admin: Visitor, store: Store) -> None:
    """Made with a secret that is shown once, changed, switched, rotated, removed; each in the audit."""
    fields = {"url": "https://app.example.org/hook", "kind-bounced": "yes", "tags": "fees, news", "batch_size": "10"}
    answer = await admin.post("/webhooks", fields)
    (webhook,) = await store.webhooks.list()
    assert (webhook.kinds, webhook.tags, webhook.batch_size) == (("bounced",), ("fees", "news"), 10)
    assert answer.texts(".secret blockquote") == [webhook.secret]
    path = f"/webhooks/{webhook.id}"
    assert webhook.secret not in (await admin.get(path)).text
    assert (await admin.post("/webhooks", {"url": "ftp://x"})).status == 422
    assert (await admin.post(f"{path}/change", {"url": "nonsense"})).status == 422
    await admin.post(f"{path}/change", {**fields, "shape": "postmark"})
    await admin.post(f"{path}/switch", {"on": "no"})
    rotated = await admin.post(f"{path}/rotate")
    (webhook,) = await store.webhooks.list()
    assert (webhook.shape, webhook.enabled, webhook.off_why) == ("postmark", False, "by hand")
    assert rotated.texts(".secret blockquote") == [webhook.secret]
    assert (await admin.get(f"{path}/calls/1")).status == 404
    await admin.post(f"{path}/remove")
    assert await store.webhooks.list() == []
    assert (await admin.get(path)).status == 404
    changes = await store.audit.list()
    assert [change.action for change in changes][:5] == [
        "webhook.remove",
        "webhook.rotate",
        "webhook.switch",
        "webhook.change",
        "webhook.add",
    ]
    assert webhook.secret not in str(changes)


async def test_people_on_the_page(admin: Visitor, store: Store) -> None:
    """Added, changed and removed; a weak password and the last admin are told; a name is shown, not run."""
    await admin.post("/people", {"name": EVIL[:40], "password": "green whale 43", "role": "viewer"})
    page = await admin.get("/people")
    assert "<script>alert" not in page.text
    assert (
        (await admin.post("/people", {"name": "x", "password": "short", "role": "viewer"}))
        .headers["Location"]
        .endswith("weak")
    )
    assert (
        (await admin.post("/people", {"name": "vera", "password": "green whale 43", "role": "viewer"}))
        .headers["Location"]
        .endswith("taken")
    )
    assert (await admin.post("/people", {"name": "x", "password": "green whale 43", "role": "god"})).status == 400
    assert (await admin.post("/people/ada/remove")).headers["Location"].endswith("last-admin")
    assert (await admin.post("/people/vera/role", {"role": "operator"})).headers["Location"].endswith("role")
    found = await store.people.get("vera")
    assert found is not None
    assert found.role is Role.OPERATOR
    assert (await admin.post("/people/vera/remove")).headers["Location"].endswith("removed")
    assert (await admin.post("/people/vera/remove")).status == 404


async def test_ones_own_account(viewer: Visitor, store: Store) -> None:
    """The password needs the old one; all other sessions end, this one goes on; only one's own are listed and ended."""
    other = Visitor(viewer.server)
    await other.log_in("vera")
    stranger = Visitor(viewer.server)
    await stranger.log_in("otto")
    assert len((await viewer.get("/account")).texts("tbody tr")) == 2
    theirs = next(each for each in await store.sessions.list(idle=9e9) if each.person == "otto")
    assert (await viewer.post(f"/account/sessions/{theirs.id}/end")).status == 404
    wrong = {"old": "no", "new": "green whale 43"}
    assert (await viewer.post("/account/password", wrong)).headers["Location"].endswith("wrong")
    before = viewer.cookies["session"]
    right = {"old": "blue whale 42", "new": "green whale 43"}
    assert (await viewer.post("/account/password", right)).headers["Location"].endswith("password")
    assert viewer.cookies["session"] != before
    assert (await viewer.get("/account")).status == 200
    assert (await other.get("/account")).status == 303
    await viewer.post("/account/language", {"language": "es"})
    assert "Su cuenta" in (await viewer.get("/account")).text


async def test_what_strangers_wrote_is_shown_and_never_run(admin: Visitor, store: Store, clock: Clock) -> None:
    """W1, W2: subject, names, tags, metadata, file names, a server's words and the mail itself, on every page."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = "s", "office@club.test", "ann@a.test"
    mail.set_content(EVIL)
    mail.add_alternative(f"<p>{EVIL}</p><meta http-equiv=refresh content='0;url=https://evil.test'>", subtype="html")
    mail.add_attachment(b"x", maintype="application", subtype="pdf", filename="<img src=x onerror=alert(3)>.pdf")
    taken = await accept(
        store,
        '"<svg/onload=alert(4)>"@a.test',
        now=clock(),
        content=mail.as_bytes(),
        subject=EVIL,
        customer=EVIL,
        invoice=EVIL,
        header_from=EVIL,
        header_to=EVIL,
        tags=(EVIL,),
        metadata={EVIL: EVIL},
        warnings=(EVIL,),
        client=EVIL,
        hold=False,
    )
    (found,) = await store.find.message(taken.message_id)
    await store.suppressions.add("evil@a.test", note=EVIL)
    targets = [page.format(newsletter=taken.message_id) for page in PAGES if "eve@" not in page and "4711" not in page]
    targets = [target for target in targets if "INV-7" not in target]
    for target in (*targets, f"/recipients/{found.recipient.recipient_id}", f"/messages?q={'%3Cscript%3E'}"):
        answer = await admin.get(target)
        assert answer.status == 200, target
        assert "<script>alert" not in answer.text, target
        assert "<svg/onload" not in answer.text, target
        assert not [node for node in answer.page.css("*") if any(name.startswith("on") for name in node.attributes)]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    preview = await admin.get(f"/messages/{taken.message_id}/preview")
    policy = preview.headers["Content-Security-Policy"]
    assert "sandbox;" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert preview.headers["X-Frame-Options"] == "SAMEORIGIN"
    frame = (await admin.get(f"/messages/{taken.message_id}")).page.css_first("iframe")
    assert frame is not None
    assert frame.attributes["sandbox"] in ("", None)
    raw = await admin.get(f"/messages/{taken.message_id}/raw")
    assert raw.headers["Content-Type"] == "application/octet-stream"
    assert raw.headers["Content-Disposition"] == f'attachment; filename="{taken.message_id}.eml"'


@given(st.lists(st.integers(0, 500), min_size=6, max_size=6))
def test_any_bar_is_full(numbers: list[int]) -> None:
    """Its parts lie beside one another, none is empty, and together they are the whole."""
    opened, delivered, unknown, bounced, failed, sending = numbers
    counts = Counts(
        recipients=sum(numbers),
        opened=opened,
        unknown=unknown,
        received=opened + delivered + unknown,
        bounced=bounced,
        not_delivered=failed,
        sending=sending,
    )
    segments = bar(counts)
    assert sum(segment.count for segment in segments) == sum(numbers)
    assert not segments or abs(sum(segment.width for segment in segments) - 1_000) < 1
    assert all(segment.width > 0 for segment in segments)


def test_opens_over_time() -> None:
    """Empty hours have their place; nobody gives no chart; a long time is cut."""
    assert opens((), 3_600) is None
    chart = opens((Slot(0.0, 4), Slot(7_200.0, 2)), 3_600)
    assert chart is not None
    assert [(column.x, column.height) for column in chart.columns] == [(0.0, 80.0), (80.0, 40.0)]
    assert chart.most == 4
    long = opens((Slot(0.0, 1), Slot(3_600.0 * 5_000, 1)), 3_600)
    assert long is not None
    assert len(long.columns) == 1
