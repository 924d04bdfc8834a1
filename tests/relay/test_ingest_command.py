"""relay/ingest_command.py and bounce/ingest.py: reports from an old mailbox, over a real store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bounce.verp import ReturnPaths
from relay.config import Config
from relay.ingest_command import ingest
from relay.keys import load_or_make, return_path_seal
from store.nouns import Reason, RecipientStatus
from store.open import Store
from store.rows import RecipientRow
from tests.conftest import Clock
from tests.relay.whole import DAY, dsn
from tests.store.mail import accept, delivered

ANN = "ann@school.test"
CAME = b"Received: from mx.school.test by mail.club.test; Mon, 21 Sep 2026 16:13:20 +0200\r\n"  # when the clock begins


class Box:
    """An old mailbox beside a store."""

    def __init__(self, store: Store, config: Config, clock: Clock, folder: Path, capsys: Any) -> None:
        self.store, self.config, self.clock, self.folder, self.capsys = store, config, clock, folder, capsys
        keys, _ = load_or_make(config.relay.master_key, bytes)
        self.paths = ReturnPaths(return_path_seal(keys), config.bounce_domain, 60.0)

    async def sent(self, address: str = ANN, **more: Any) -> int:
        """A delivered mail."""
        taken = await accept(self.store, address, now=self.clock(), **more)
        await self.store.queue.settle(taken.jobs[0].recipient_id, delivered(self.clock()))
        return taken.jobs[0].recipient_id

    async def take(self, *mails: bytes, dry_run: bool = False) -> list[dict[str, Any]]:
        """Put mails into files and take them in; give what was printed."""
        files = []
        for n, mail in enumerate(mails):
            files.append(self.folder / f"{n}.eml")
            files[-1].write_bytes(mail)
        assert await ingest(self.store, self.config, files, dry_run=dry_run, clock=self.clock)
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]

    async def row(self, recipient_id: int) -> RecipientRow:
        found = await self.store.find.recipient(recipient_id)
        assert found is not None
        return found.recipient


@pytest.fixture
def box(store: Store, config: Config, clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    (tmp_path / "box").mkdir()
    return Box(store, config, clock, tmp_path / "box", capsys)


FIELDS: list[Callable[[str], bytes]] = [
    lambda path: f"Delivered-To: {path}\r\n".encode(),
    lambda path: f"X-Original-To: {path}\r\n".encode(),
    lambda path: f"Return-Path: <{path}>\r\n".encode(),
    lambda path: f"Return-Path: <>\r\nTo: Bounces <{path.upper()}>\r\n".encode(),
    lambda path: f"Envelope-To: prvs=0123abcdef={path}\r\n".encode(),
]


@pytest.mark.parametrize("field", FIELDS)
async def test_a_signed_return_path_says_whom_it_is_about(box: Box, field: Callable[[str], bytes]) -> None:
    """Wherever a mailbox's server wrote it, long after it would have been refused at the door."""
    recipient_id = await box.sent()
    box.clock.move(300 * DAY)
    (told,) = await box.take(field(box.paths.encode(recipient_id)) + CAME + dsn("other@school.test"))
    assert (told["kind"], told["found_by"]) == ("bounce", "return path")
    (each,) = told["recipients"]
    assert (each["recipient"], each["address"]) == (str(recipient_id), ANN)
    assert (each["changed"], each["events"], each["status"]) == (True, ["bounced"], "bounced")
    row = await box.row(recipient_id)
    assert (row.status, row.reason) == (RecipientStatus.BOUNCED, Reason.NO_SUCH_USER)
    assert row.bounced_at == row.accepted_at  # when it came, not when it was taken in
    assert [report.kind for report in await box.store.reports.listed(recipient_id)] == ["bounce"]


async def test_message_id_and_address_together_say_it_too(box: Box) -> None:
    """The returned header names our Message-ID and the report an address of that message: that recipient."""
    await box.sent(header_message_id="other@club.test")
    recipient_id = await box.sent(header_message_id="m1@club.test")
    (told,) = await box.take(dsn("Ann@SCHOOL.test", "5.2.2", "Mailbox full", message_id="m1@club.test"))
    assert told["found_by"] == "message-id"
    assert [(each["recipient"], each["reason"]) for each in told["recipients"]] == [(str(recipient_id), "mailbox_full")]


@pytest.mark.parametrize(
    "mail",
    [
        dsn(ANN),
        dsn(ANN, message_id="nobody@club.test"),
        dsn("other@school.test", message_id="m1@club.test"),
        dsn("other@school.test", to="b" + "a" * 26 + "@relay.test"),
        b"Subject: hello\r\n\r\nNothing.\r\n",
        b"",
    ],
    ids=["address alone", "another message", "another address", "forged", "no report", "empty"],
)
async def test_what_is_about_none_of_our_mails_changes_nothing(box: Box, mail: bytes) -> None:
    """An address alone is not enough, nor is a Message-ID, nor a return path that we did not sign."""
    recipient_id = await box.sent(header_message_id="m1@club.test")
    (told,) = await box.take(mail)
    assert (told["found_by"], told["recipients"]) == (None, [])
    assert (await box.row(recipient_id)).status is RecipientStatus.DELIVERED


async def test_the_text_of_a_report_does_not_name_a_recipient(box: Box) -> None:
    """A signed return path in the body, or in the mail that is returned, is not the envelope's (promise 7)."""
    recipient_id = await box.sent()
    (told,) = await box.take(dsn(ANN, words=f"<{box.paths.encode(recipient_id)}>"))
    assert told["recipients"] == []


async def test_a_dry_run_says_all_of_it_and_does_nothing(box: Box) -> None:
    """The same words as afterwards, but for the change."""
    recipient_id = await box.sent()
    mail = f"Delivered-To: {box.paths.encode(recipient_id)}\r\n".encode() + CAME + dsn(ANN)
    (foreseen,) = await box.take(mail, dry_run=True)
    assert (await box.row(recipient_id)).status is RecipientStatus.DELIVERED
    assert await box.store.reports.listed(recipient_id) == []
    (done,) = await box.take(mail)
    assert (foreseen.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert foreseen == done
    assert done["recipients"][0]["suppressed"]


async def test_the_same_again_changes_nothing(box: Box) -> None:
    """A mailbox can be taken in twice."""
    recipient_id = await box.sent()
    mail = f"Delivered-To: {box.paths.encode(recipient_id)}\r\n".encode() + CAME + dsn(ANN)
    first, again = await box.take(mail, mail)
    assert [each["recipients"][0]["changed"] for each in (first, again)] == [True, False]
    assert [each["recipients"][0]["status"] for each in (first, again)] == ["bounced", "bounced"]


async def test_an_old_report_does_not_suppress_an_address_that_mail_reached_since(box: Box) -> None:
    """It bounced then, and a later mail arrived: Bounced, with the reason, and nobody is suppressed."""
    recipient_id = await box.sent()
    box.clock.move(10 * DAY)
    await box.sent()
    box.clock.move(10 * DAY)
    (told,) = await box.take(f"Delivered-To: {box.paths.encode(recipient_id)}\r\n".encode() + CAME + dsn(ANN))
    assert (told["recipients"][0]["status"], told["recipients"][0]["suppressed"]) == ("bounced", False)
    assert await box.store.suppressions.get(ANN) is None


async def test_what_has_a_sender_is_no_bounce(box: Box) -> None:
    """As at the door (B4): a person who quotes a report."""
    recipient_id = await box.sent()
    head = f"Return-Path: <tom@school.test>\r\nDelivered-To: {box.paths.encode(recipient_id)}\r\n".encode()
    await box.take(head + dsn(ANN))
    assert (await box.row(recipient_id)).status is RecipientStatus.DELIVERED


async def test_a_copy_of_our_own_mail_is_no_report(box: Box) -> None:
    """As it lies in the recipient's mailbox, with our return path on top."""
    recipient_id = await box.sent()
    head = f"Return-Path: <{box.paths.encode(recipient_id)}>\r\n".encode()
    (told,) = await box.take(head + b"From: office@club.test\r\nSubject: Fees\r\n\r\nPlease pay.\r\n")
    assert (told["kind"], told["recipients"]) == ("not-a-bounce", [])
    assert await box.store.reports.listed(recipient_id) == []


async def test_a_file_that_cannot_be_read_stops_no_other(box: Box) -> None:
    """It is named, and the exit status says so."""
    (box.folder / "one.eml").write_bytes(dsn(ANN))
    files = [box.folder / "nowhere", box.folder / "one.eml"]
    assert not await ingest(box.store, box.config, files, dry_run=False, clock=box.clock)
    told = [json.loads(line) for line in box.capsys.readouterr().out.splitlines()]
    assert (told[0]["error"], told[1]["kind"]) == ("No such file or directory", "bounce")


async def test_without_its_key_nothing_is_guessed(box: Box) -> None:
    """A key is never made here: it would know no return path."""
    box.config.relay.master_key.unlink()
    with pytest.raises(ValueError, match=r"master\.key"):
        await ingest(box.store, box.config, [], dry_run=False, clock=box.clock)
    assert not box.config.relay.master_key.exists()
