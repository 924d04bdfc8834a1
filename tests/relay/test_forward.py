"""relay/forward.py: a copy of what came back goes to the original sender, and never in a loop."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from relay.config import Config
from relay.forward import CREDENTIAL, wanted
from store.nouns import RecipientStatus, State
from store.queries.search import Search
from store.rows import RecipientRow
from tests.conftest import Clock
from tests.relay.whole import DAY, SENDER, Whole, dsn, whole

ANN = "ann@school.test"
DOMAINS = ("bounces.relay.test", "bounce.club.test")
ROW = RecipientRow(
    recipient_id=1,
    message_id=1,
    forward_path=ANN,
    subject="",
    customer="",
    invoice="",
    header_from=SENDER,
    header_message_id="",
    accepted_at=0.0,
    status=RecipientStatus.BOUNCED,
    state=State.SETTLED,
    reverse_path=SENDER,
)


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("none", set()),
        ("bounces", {"bounce"}),
        ("all", {"bounce", "delayed", "autoreply", "reply", "not-a-bounce"}),
    ],
)
def test_what_each_setting_hands_on(setting: str, kinds: set[str]) -> None:
    """A complaint is never handed on: who complained is nobody's affair but ours."""
    every = {"bounce", "delayed", "autoreply", "reply", "not-a-bounce", "complaint"}
    assert {kind for kind in every if wanted(setting, kind, ROW, DOMAINS)} == kinds


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, reverse_path=""),
        replace(ROW, reverse_path="b123@bounces.relay.test"),
        replace(ROW, reverse_path="office@Bounce.Club.TEST."),
        replace(ROW, reverse_path="no-address"),
        replace(ROW, notify="NEVER"),
    ],
    ids=["null", "ours", "ours, aligned", "no address", "NOTIFY=NEVER"],
)
def test_who_never_gets_a_copy(row: RecipientRow) -> None:
    """Nobody for a mail with the null reverse-path, none to a domain of our return paths, and not who said never."""
    assert not wanted("all", "bounce", row, DOMAINS)


def test_never_is_said_of_notifications_only() -> None:
    """What a person answers is no notification (RFC 3461 section 4.1)."""
    assert wanted("all", "reply", replace(ROW, notify="never"), DOMAINS)


@pytest.fixture
async def world(config: Config, clock: Clock) -> AsyncIterator[Whole]:
    async with whole(config, clock, bounce={"forward": "all", "forwards_per_recipient": 2}) as running:
        yield running


async def test_the_sender_gets_the_report_with_nothing_of_ours_in_it(world: Whole) -> None:
    """Null reverse-path, to the sender of the mail, as it came but for our return path and two trace fields on top."""
    recipient_id = await world.send(ANN)
    await world.sink.arrived(1)
    path = world.return_path(recipient_id)
    assert world.sink.mails[0].reverse_path == path
    came = dsn(ANN, to=path)
    assert (await world.report(path, came)).startswith("250")
    await world.sink.arrived(2)
    copy = world.sink.mails[1]
    assert (copy.reverse_path, copy.recipient) == ("", SENDER)
    assert path.partition("@")[0].encode() not in copy.content
    assert copy.content.endswith(came.replace(path.encode(), SENDER.encode()))
    on_top = copy.content[: -len(came.replace(path.encode(), SENDER.encode()))]
    assert on_top.startswith(b"Received: from relay.test\r\n")
    assert b"\r\nX-Loop: bounces.relay.test\r\n" in on_top


async def test_the_copy_is_a_mail_as_any_other(world: Whole) -> None:
    """It has a status; it is of nobody's credential; it carries no pixel; no bounce of it can come back."""
    recipient_id = await world.send(ANN)
    await world.event(recipient_id, "delivered")
    await world.report(world.return_path(recipient_id), dsn(ANN))
    (found,) = await world.relay.store.find.by_address(SENDER)
    await world.event(found.recipient.recipient_id, "delivered")
    row = await world.row(found.recipient.recipient_id)
    assert (row.credential, row.reverse_path, row.no_pixel_why) == (CREDENTIAL, "", "bounce report")
    assert (row.subject, row.header_from) == ("Undelivered Mail Returned to Sender", "MAILER-DAEMON@mx.school.test")


async def test_the_same_report_again_is_handed_on_once(world: Whole) -> None:
    """The other side repeats a report whose 250 it missed."""
    recipient_id = await world.send(ANN)
    await world.event(recipient_id, "delivered")
    for _ in range(2):
        assert (await world.report(world.return_path(recipient_id), dsn(ANN))).startswith("250")
    assert len(await world.relay.store.find.by_address(SENDER)) == 1


async def test_no_more_than_so_many_a_day(world: Whole) -> None:
    """Two a day for one recipient here; the next day there is room again."""
    recipient_id = await world.send(ANN)
    await world.event(recipient_id, "delivered")
    for n in range(4):
        await world.report(world.return_path(recipient_id), dsn(ANN, words=f"Unknown{'.' * n}"))
    assert len(await world.relay.store.find.by_address(SENDER)) == 2
    world.clock.move(DAY + 1)
    await world.report(world.return_path(recipient_id), dsn(ANN, words="Unknown, still"))
    assert len(await world.relay.store.find.by_address(SENDER)) == 3


async def test_a_mail_with_the_null_reverse_path_has_nobody_to_tell(world: Whole) -> None:
    """A notification that bounces is not told to anyone (RFC 5321 section 6.1)."""
    recipient_id = await world.send(ANN, sender="")
    await world.event(recipient_id, "delivered")
    await world.report(world.return_path(recipient_id), dsn(ANN))
    newest = await world.relay.store.queries.recipients.newest(Search())
    assert [row.forward_path for row in newest.items] == [ANN]


async def test_what_was_such_a_copy_is_not_handed_on_again(world: Whole) -> None:
    """Somebody's server sends what it got from us to the return path: it ends there."""
    recipient_id = await world.send(ANN)
    await world.event(recipient_id, "delivered")
    looped = b"Received: from x by y; z\r\nX-Loop: Bounces.Relay.Test\r\n" + dsn(ANN)
    await world.report(world.return_path(recipient_id), looped)
    assert await world.relay.store.find.by_address(SENDER) == []


async def test_what_a_person_answers_reaches_the_sender(world: Whole) -> None:
    """A reply to the return path is kept as a reply, makes nobody bounce, and is handed on; bare line feeds mended."""
    recipient_id = await world.send(ANN)
    await world.event(recipient_id, "delivered")
    letter = b"From: ann@school.test\r\nSubject: Re: Fees\r\n\r\nI have paid.\r\n"
    reply = await world.report(world.return_path(recipient_id), letter, sender=ANN)
    assert reply.startswith("250")
    assert [report.kind for report in await world.relay.store.reports.listed(recipient_id)] == ["reply"]
    assert (await world.row(recipient_id)).status is RecipientStatus.DELIVERED
    await world.sink.arrived(2)
    assert world.sink.mails[1].content.endswith(letter)
    assert world.sink.mails[1].recipient == SENDER


async def test_nothing_is_handed_on_unless_it_is_asked_for(config: Config, clock: Clock) -> None:
    """The default."""
    async with whole(config, clock) as world:
        recipient_id = await world.send(ANN)
        await world.event(recipient_id, "delivered")
        await world.report(world.return_path(recipient_id), dsn(ANN))
        assert await world.relay.store.find.by_address(SENDER) == []
