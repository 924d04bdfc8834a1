"""relay/status.py: what `homing status` prints, over a real store, for people in two languages and for programs."""

import json
from typing import Any

import pytest

from relay.status import show_status
from store.changes import Change
from store.events import Bounced
from store.nouns import Open, Reason, RecipientStatus, State, TrackingMode, Verdict
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import Decide, accept, bounced, delivered, new_recipient


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("by", ["recipient", "message", "address", "invoice", "customer", "Message-ID"])
async def test_status_finds_a_mail_by_what_people_have_in_hand(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    """An id, an address, an invoice, a customer or a Message-ID all lead to the recipient and its story."""
    taken = await accept(
        store,
        "ann@example.org",
        now=clock(),
        invoice="INV-1",
        customer="4711",
        header_message_id="abc@club.test",
        subject="Fees",
    )
    recipient = taken.jobs[0].recipient_id
    await store.queue.settle(recipient, bounced(clock(), Reason.NO_SUCH_USER))
    what = {
        "recipient": str(recipient),
        "message": str(taken.message_id),
        "address": "Ann@Example.ORG",
        "invoice": "INV-1",
        "customer": "4711",
        "Message-ID": "<abc@club.test>",
    }[by]
    assert await show_status(store, what, as_json=True)
    (told,) = objects(capsys)
    assert (told["address"], told["status"], told["reason"]) == ("ann@example.org", "bounced", "no_such_user")
    assert [event["event"] for event in told["events"]] == ["accepted", "bounced"]
    assert await show_status(store, what, as_json=False)
    text = "\n".join(printed(capsys))
    assert text.startswith("ann@example.org: Bounced\n")
    assert "Why: This email address does not exist." in text
    assert "What to do: " in text


async def test_status_of_what_is_unknown(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """False, and a sentence for people."""
    assert not await show_status(store, "nobody@example.org", as_json=False)
    assert capsys.readouterr().err == "Nothing is known of nobody@example.org.\n"


def mistyped(at: float, *, yes: bool) -> Decide:
    """An unknown user, at an address that something did or did not reach before."""
    return Decide(
        lambda facts: Change(
            status=RecipientStatus.BOUNCED,
            state=State.SETTLED,
            reason=Reason.NO_SUCH_USER,
            mistyped=yes,
            bounced_at=at,
            events=(Bounced(message_id=facts.message_id, recipient_id=facts.recipient_id, at=at),),
        )
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "ann@gmial.com: Bounced",
                "Why: This email address was probably mistyped.",
                "Did you mean ann@gmail.com?",
            ),
        ),
        (
            "es",
            (
                "ann@gmial.com: Devuelto",
                "Por qué: Esta dirección de correo probablemente está mal escrita.",
                "¿Quiso decir ann@gmail.com?",
            ),
        ),
    ],
)
async def test_a_mistyped_address_says_what_was_probably_meant(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str], language: str, said: tuple[str, str, str]
) -> None:
    """Bounced at a near miss of a mailbox domain: probably mistyped, did you mean; for programs the same."""
    taken = await accept(store, "ann@gmial.com", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, mistyped(clock(), yes=True))
    await show_status(store, "ann@gmial.com", as_json=False, language=language)
    lines = [line.strip() for line in printed(capsys)]
    assert tuple(line for line in lines if line in said) == said
    await show_status(store, "ann@gmial.com", as_json=True, language=language)
    (told,) = objects(capsys)
    assert (told["mistyped"], told["did_you_mean"]) == (True, "ann@gmail.com")
    assert (told["status"], told["reason"]) == ("bounced", "no_such_user")  # names, in no language
    assert told["explanation"] == said[1].partition(": ")[2]


async def test_the_senders_own_domains_are_proposed(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A domain that the same sender's mail arrives at often; never one of another sender."""
    for credential, domain in (("app", "riverside-school.example"), ("other", "meadow-school.example")):
        taken = await accept(store, *(f"a{n}@{domain}" for n in range(3)), now=clock(), credential=credential)
        for job in taken.jobs:
            await store.queue.settle(job.recipient_id, delivered(clock()))
    for wrong in ("ann@riverside-schol.example", "ann@meadow-schol.example"):
        taken = await accept(store, wrong, now=clock())
        await store.queue.settle(taken.jobs[0].recipient_id, bounced(clock(), Reason.DOMAIN_NOT_FOUND))
        await show_status(store, wrong, as_json=True)
    assert [told["did_you_mean"] for told in objects(capsys)] == ["ann@riverside-school.example", None]


async def test_an_address_that_is_gone_was_not_mistyped(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mail reached it before: it no longer exists, and nothing is proposed."""
    taken = await accept(store, "ann@gmial.com", now=clock())
    await store.queue.settle(taken.jobs[0].recipient_id, mistyped(clock(), yes=False))
    await show_status(store, "ann@gmial.com", as_json=False)
    text = "\n".join(printed(capsys))
    assert "This email address no longer exists." in text
    assert "Did you mean" not in text


async def test_an_open_after_a_bounce_is_told_beside_it(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both facts, in one sentence."""
    taken = await accept(store, "ann@example.org", now=clock())
    recipient_id = taken.jobs[0].recipient_id
    await store.queue.settle(recipient_id, bounced(clock()))
    await store.opens.record([Open(recipient_id=recipient_id, at=clock() + 5, verdict=Verdict.PERSON, rule="r")])
    await show_status(store, str(recipient_id), as_json=False, language="es")
    text = "\n".join(printed(capsys))
    assert "Ambas cosas son ciertas: fue devuelto y alguien lo vio." in text
    assert "se había informado de su devolución" in text


async def test_what_was_said_is_shown_when_asked_for(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line for people, as one text for programs; not where nobody asks."""
    taken = await accept(store, "ann@example.org", now=clock())
    recipient = taken.jobs[0].recipient_id
    store.transcripts.keep(recipient, clock(), "to mx.example.org\n  0.000 < 220 \x1b[31mhello")
    await store.queue.settle(recipient, delivered(clock()))
    assert await show_status(store, str(recipient), as_json=False, transcripts=True)
    lines = printed(capsys)
    assert lines[-2:] == ["    to mx.example.org", "      0.000 < 220 ?[31mhello"]
    assert await show_status(store, str(recipient), as_json=True, transcripts=True)
    (told,) = objects(capsys)
    assert [it["dialogue"][:19] for it in told["transcripts"]] == ["to mx.example.org\n "]
    assert await show_status(store, str(recipient), as_json=True)
    assert "transcripts" not in objects(capsys)[0]


async def test_views_and_a_hint_that_it_was_forwarded(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Views by verdict with first and last for programs; for people, a sentence when two providers displayed it."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    loads = [(Verdict.PROXY, "gmail-proxy"), (Verdict.PREFETCH, "apple-prefetch"), (Verdict.PROXY, "yahoo-proxy")]
    for n, (verdict, rule) in enumerate(loads):
        await store.opens.record([Open(recipient_id=id_, at=clock() + 100 * n, verdict=verdict, rule=rule)])
    await show_status(store, str(id_), as_json=True)
    [told] = objects(capsys)
    assert told["perhaps_forwarded"]
    assert [(it["by"], it["count"], it["first_at"] == it["last_at"]) for it in told["views"]] == [
        ("proxy", 2, False),
        ("prefetch", 1, True),
    ]
    await show_status(store, str(id_), as_json=False)
    assert any("probably forwarded" in line for line in printed(capsys))


async def test_a_prefetch_alone_cannot_be_known(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line says so, and by whom; the status is and stays Delivered."""
    taken = await accept(store, "ann@example.org", now=clock())
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    await store.opens.record([Open(id_, clock() + 60, Verdict.PREFETCH, "apple-prefetch")])
    await show_status(store, str(id_), as_json=False)
    assert printed(capsys)[0] == "ann@example.org: Delivered, loaded automatically by Apple: cannot be known"
    await show_status(store, str(id_), as_json=True)
    [told] = objects(capsys)
    assert (told["status"], told["loaded_automatically_by"], told["machine_opens"]) == ("delivered", "Apple", 1)


async def test_times_opened_and_by_what_in_mode_full(
    store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """How often, and when last; in mode full with program, device and country. Nothing of it is believed as text."""
    recipient = new_recipient(store, "ann@example.org", tracking=TrackingMode.FULL)
    taken = await accept(store, now=clock(), recipients=[recipient])
    id_ = taken.jobs[0].recipient_id
    await store.queue.settle(id_, delivered(clock()))
    for n, client in enumerate(("Outlook", "Thunder\x1bbird")):
        who = ("192.0.2.7", "A", client, "computer", "DE")
        await store.opens.record([Open(id_, clock() + 60 * (n + 1), Verdict.PERSON, "browser", *who)])
    await show_status(store, str(id_), as_json=False)
    lines = printed(capsys)
    assert lines[0].startswith("ann@example.org: Opened (2 times, last ")
    assert [line.partition(" with ")[2] for line in lines if line.startswith("  Displayed ")] == [
        "Outlook, computer (DE)",
        "Thunder?bird, computer (DE)",
    ]
    await show_status(store, str(id_), as_json=True)
    first = objects(capsys)[0]["loads"][0]
    assert tuple(first[name] for name in ("client", "device", "country", "address")) == (
        "Outlook",
        "computer",
        "DE",
        "192.0.2.7",
    )
