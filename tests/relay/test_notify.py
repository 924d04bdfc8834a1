"""relay/notify.py: senders hear what became of their mails, as they asked (RFC 3461), and nothing in a loop."""

import asyncio
import email
from collections.abc import AsyncIterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import cast

import pytest

from relay.config import Config
from relay.notify import CREDENTIAL, action_of, text_for, told
from relay.settings import NotifySettings
from store.events import Bounced, Deferred, Delivered, Event, Expired, Suppressed
from store.notices import Notice
from store.nouns import Reason
from tests.conftest import Clock
from tests.relay.whole import SENDER, Whole, dsn, whole
from tests.rigs.smtp_sink import Say, SmtpSink

ANN = "ann@school.test"
DOMAINS = ("bounces.relay.test",)
EVENT = {"message_id": 1, "recipient_id": 2, "at": 1_790_000_100.0}


def notice(event: Event, **more: str) -> Notice:
    return replace(
        Notice(
            event=event,
            forward_path=ANN,
            notify="",
            original_recipient="",
            reverse_path=SENDER,
            envelope_id="",
            ret="",
            subject="Fees",
            header_message_id="",
            accepted_at=1_790_000_000.0,
            expires_at=1_790_200_000.0,
            smtputf8=False,
            content=None,
        ),
        **more,
    )


def action(event: Event, *, reports: str = "asked", forwards: bool = False, **more: str) -> str:
    settings = NotifySettings.model_validate({"reports": reports})
    return action_of(notice(event, **more), settings, own_domains=DOMAINS, forwards=forwards)


FAILED = Bounced(**EVENT, attempt=1)
CAME_BACK = Bounced(**EVENT)
LATE = Deferred(**EVENT, attempt=1)
TAKEN = Delivered(**EVENT, attempt=1)


@pytest.mark.parametrize(
    ("notify", "failed", "delayed", "relayed"),
    [
        ("", "", "", ""),
        ("FAILURE", "failed", "", ""),
        ("DELAY", "", "delayed", ""),
        ("SUCCESS", "", "", "relayed"),
        ("SUCCESS,FAILURE,DELAY", "failed", "delayed", "relayed"),
        ("success,failure", "failed", "", "relayed"),
    ],
)
def test_what_was_asked_for_is_told_and_nothing_else(notify: str, failed: str, delayed: str, relayed: str) -> None:
    """NOTIFY names what its sender hears of (RFC 3461 section 4.1)."""
    assert action(FAILED, notify=notify) == failed
    assert action(Expired(**EVENT, attempt=9), notify=notify) == failed
    assert action(Suppressed(**EVENT), notify=notify) == failed
    assert action(LATE, notify=notify) == delayed
    assert action(TAKEN, notify=notify) == relayed


@pytest.mark.parametrize(
    ("reports", "failed", "delayed"), [("asked", "", ""), ("failures", "failed", ""), ("all", "failed", "delayed")]
)
def test_who_did_not_ask_hears_what_the_operator_chose(reports: str, failed: str, delayed: str) -> None:
    """A delivery is told only to who asked."""
    assert (action(FAILED, reports=reports), action(LATE, reports=reports)) == (failed, delayed)
    assert action(TAKEN, reports=reports) == ""
    assert action(LATE, reports=reports, notify="FAILURE") == ""


@pytest.mark.parametrize("sender", ["b1@bounces.relay.test", "b1@Bounces.Relay.TEST.", "no-domain"])
def test_nobody_is_told_where_nobody_reads(sender: str) -> None:
    """Mail to a domain of our return paths would come back to us."""
    assert action(FAILED, notify="FAILURE", reverse_path=sender) == ""


def test_a_bounce_that_is_handed_on_is_not_told_again() -> None:
    """``bounce.forward`` gives the sender what came; a refusal in the session did not come as a mail."""
    assert action(CAME_BACK, notify="FAILURE") == "failed"
    assert action(CAME_BACK, notify="FAILURE", forwards=True) == ""
    assert action(FAILED, notify="FAILURE", forwards=True) == "failed"


@pytest.mark.parametrize(
    ("event", "status", "expected"),
    [
        (FAILED, "5.1.1", "5.1.1"),
        (FAILED, "", "5.0.0"),
        (FAILED, "2.0.0", "5.0.0"),
        (Expired(**EVENT), "4.4.1", "4.4.1"),
        (LATE, "4.4.1", "4.4.1"),
        (LATE, "5.7.1", "4.0.0"),
        (LATE, "", "4.0.0"),
        (TAKEN, "", "2.0.0"),
    ],
)
def test_the_status_fits_the_action(event: Event, status: str, expected: str) -> None:
    """A failure never says 2.x.x, a delay never 5.x.x (RFC 3464 section 2.3.4)."""
    what = {"bounced": "failed", "expired": "failed", "deferred": "delayed", "delivered": "relayed"}[event.kind]
    assert told(notice(replace(event, status=status)), what).status == expected


def test_words_for_people() -> None:
    """The reason's sentence and advice; our own words where no server said anything."""
    event = replace(FAILED, reason=Reason.DOMAIN_NOT_FOUND, note="school.test: no such domain")
    said = told(notice(event), "failed")
    assert said.said == text_for(Reason.DOMAIN_NOT_FOUND)
    assert (said.diagnostic, said.replied, said.remote_mta) == ("school.test: no such domain", False, "")


@pytest.fixture
async def world(config: Config, clock: Clock) -> AsyncIterator[Whole]:
    async with whole(config, clock) as running:
        yield running


async def report(sink: SmtpSink, number: int) -> EmailMessage:
    """Wait for the given mail, which must be a report to the sender; give it."""
    await sink.arrived(number)
    mail = sink.mails[number - 1]
    assert (mail.reverse_path, mail.recipient) == ("", SENDER)
    return cast("EmailMessage", email.message_from_bytes(mail.content, policy=policy.default))


def block(mail: EmailMessage) -> dict[str, str]:
    blocks = cast("list[EmailMessage]", list(mail.iter_parts())[1].get_payload())
    return {**dict(blocks[0].items()), **dict(blocks[1].items())}


async def test_a_refusal_is_told_with_everything_the_application_gave(world: Whole) -> None:
    """ENVID and ORCPT come back, RET=FULL gives the mail back; it is a mail of our own with a status of its own."""
    world.sink.on("rcpt", Say("550 5.1.1 <ann@school.test>: User unknown"), recipient=ANN)
    recipient_id = await world.send(
        ANN, mail_options=["RET=FULL", "ENVID=run+2B7"], rcpt_options=["NOTIFY=FAILURE", "ORCPT=rfc822;ann@school.test"]
    )
    await world.event(recipient_id, "bounced")
    mail = await report(world.sink, 1)
    told = block(mail)
    assert told["Original-Envelope-Id"] == "run+7"
    assert told["Original-Recipient"] == "rfc822; ann@school.test"
    assert (told["Action"], told["Status"]) == ("failed", "5.1.1")
    assert told["Diagnostic-Code"] == "smtp; 550 5.1.1 <ann@school.test>: User unknown"
    returned = list(mail.iter_parts())[2]
    assert returned.get_content_type() == "message/rfc822"
    assert "Please pay." in returned.as_string()
    (found,) = await world.relay.store.find.by_address(SENDER)
    await world.event(found.recipient.recipient_id, "delivered")
    assert (found.recipient.credential, found.recipient.reverse_path) == (CREDENTIAL, "")


async def test_a_delivery_is_told_to_who_asked_with_the_header_only(world: Whole) -> None:
    """RET=FULL speaks of failures only (RFC 3461 section 4.3)."""
    await world.send(ANN, mail_options=["RET=FULL"], rcpt_options=["NOTIFY=SUCCESS"])
    mail = await report(world.sink, 2)
    assert (block(mail)["Action"], block(mail)["Status"]) == ("relayed", "2.0.0")
    returned = list(mail.iter_parts())[2]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Subject: Fees for November" in returned.get_content()
    assert "Please pay" not in returned.as_string()


async def test_a_late_bounce_is_told_too(world: Whole) -> None:
    """What a report says days later reaches the sender in our words, without our return path."""
    recipient_id = await world.send(ANN, rcpt_options=["NOTIFY=FAILURE"])
    await world.event(recipient_id, "delivered")
    path = world.return_path(recipient_id)
    await world.report(path, dsn(ANN, to=path))
    mail = await report(world.sink, 2)
    assert block(mail)["Action"] == "failed"
    assert path.partition("@")[0] not in mail.as_string()


async def test_never_a_report_about_a_report(world: Whole) -> None:
    """A report that is refused leads to nothing; nor does mail that had the null reverse-path itself."""
    world.sink.on("rcpt", Say("550 5.1.1 User unknown"))
    await world.event(await world.send(ANN, rcpt_options=["NOTIFY=FAILURE"]), "bounced")
    async with asyncio.timeout(30):
        async for record in world.relay.store.journal.follow(0):
            if (record.forward_path, record.event.kind) == (SENDER, "bounced"):
                break
    await world.event(await world.send("ben@school.test", sender="", rcpt_options=["NOTIFY=FAILURE"]), "bounced")
    await world.event(await world.send("cem@school.test", rcpt_options=["NOTIFY=FAILURE"]), "bounced")
    async with asyncio.timeout(30):  # the report about the last one comes after all that could come before
        async for record in world.relay.store.journal.follow(0):
            if (record.forward_path, record.event.kind) == (SENDER, "suppressed"):
                break
    assert len(await world.relay.store.find.by_address(SENDER)) == 2
    assert world.sink.mails == []
