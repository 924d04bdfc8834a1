"""bounce/report.py: the edge cases that break other parsers, each with a mail of its own (reasons.md, section 3)."""

# ruff: noqa: E501, RUF001 mails and header lines are easier to compare unfolded, and speak many languages

import base64
import quopri

import pytest

from bounce.report import Report, read
from store.nouns import Reason
from tests.bounce.mails import OURS, block, mail, multipart, returned, status, words

R = Reason


def told(report: Report) -> list[tuple[str, str, Reason]]:
    return [(r.address, r.action, r.reason) for r in report.recipients]


def test_several_recipients_with_different_actions() -> None:
    """Each recipient keeps its own action; one failure makes the report a bounce."""
    report = read(
        multipart(
            words("See below."),
            status(
                block("a@customer.example", "failed", "5.1.1", "550 5.1.1 User unknown"),
                block("b@customer.example", "delayed", "4.4.1", "connect timed out"),
                block("c@customer.example", "delivered", "2.1.5"),
            ),
        )
    )
    assert report.kind == "bounce"
    assert told(report) == [
        ("a@customer.example", "failed", R.NO_SUCH_USER),
        ("b@customer.example", "delayed", R.EXPIRED),
        ("c@customer.example", "delivered", R.DELIVERED),
    ]


def test_the_same_address_twice_is_one() -> None:
    """A report that names an address twice tells of it once."""
    one = block("ann@customer.example", diagnostic="550 User unknown")
    assert len(read(multipart(words("x"), status(one, one))).recipients) == 1


def test_an_address_without_domain_is_completed_from_the_words() -> None:
    """Final-Recipient "ann": the text has the whole address."""
    report = read(multipart(words("<ann@customer.example>: User unknown"), status(block("ann"))))
    assert report.recipients[0].address == "ann@customer.example"


def test_a_bounce_inside_a_bounce_is_not_read() -> None:
    """What comes back is our report of someone else's failure: only the outer one counts."""
    inner = "Content-Type: message/rfc822\n\n" + multipart(
        words("x"), status(block("inner@dead.example"))
    ).decode().replace("\r\n", "\n").replace("=_b", "=_c")
    report = read(multipart(words("x"), status(block("postmaster@dead.example", diagnostic="550 no such user")), inner))
    assert [r.address for r in report.recipients] == ["postmaster@dead.example"]


def test_a_person_forwards_a_bounce() -> None:
    """A bounce attached to a person's mail is not a bounce of ours."""
    attached = "Content-Type: message/rfc822\n\n" + mail("<ann@customer.example>: 550 User unknown").decode()
    raw = multipart(
        words("Can you tell me what this means?"), attached, kind="mixed", sender="Ann <ann@customer.example>",
        subject="Fwd: Undelivered Mail Returned to Sender", path="<ann@customer.example>",
    )  # fmt: skip
    assert read(raw).kind == "not-a-bounce"


def test_a_person_answers_quoting_a_bounce() -> None:
    """Quoted lines are not the mail's own words."""
    quoted = "\n".join(
        "> " + line for line in ["I'm sorry to have to inform you", "", "<ann@customer.example>: User unknown"]
    )
    raw = mail(
        f"I got this, what now?\n\n{quoted}\n", sender="Ann <ann@customer.example>", path="<ann@customer.example>",
        subject="Re: Undelivered Mail Returned to Sender",
    )  # fmt: skip
    assert read(raw).kind == "not-a-bounce"


def test_original_recipient_in_xtext_comes_first() -> None:
    """We wrote to the original recipient; where it was forwarded to is the other side's business."""
    entry = "Original-Recipient: rfc822; ann+2Binvoices@customer.example\n" + block(
        "archive@store.example", code="5.2.2"
    )
    assert read(multipart(words("x"), status(entry))).recipients[0].address == "ann+invoices@customer.example"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_status_part_in_a_transfer_encoding(encoding: str) -> None:
    """RFC 3464 forbids it; it happens."""
    plain = status(block("ann@customer.example", diagnostic="550 mailbox full")).partition("\n\n")[2].encode()
    coded = base64.encodebytes(plain) if encoding == "base64" else quopri.encodestring(plain)
    part = f"Content-Type: message/delivery-status\nContent-Transfer-Encoding: {encoding}\n\n{coded.decode()}"
    assert told(read(multipart(words(""), part))) == [("ann@customer.example", "failed", R.MAILBOX_FULL)]


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("failure", "bounce"),
        ("error", "bounce"),
        ("expired", "bounce"),
        ("deliverable", "not-a-bounce"),
        ("Delayed", "delayed"),
    ],
)
def test_misspelt_actions_and_fields(action: str, kind: str) -> None:
    """Spellings outside the grammar are taken for what they mean."""
    entry = f"Final-Recipient : rfc822;ann@customer.example\nAction : {action}\nStatus: 5.1.1 (bad mailbox)"
    report = read(multipart(words("x"), status(entry)))
    assert report.kind == kind
    assert report.recipients[0].address == "ann@customer.example"


def test_x400_recipient_is_named_in_the_text_only() -> None:
    """An X.400 address is nobody's; the words have the one we wrote to."""
    entry = "Final-Recipient: x400; /C=de/S=Weber/\nAction: failed\nStatus: 5.1.1"
    assert (
        read(multipart(words("ann@customer.example: unknown"), status(entry))).recipients[0].address
        == "ann@customer.example"
    )


def test_exchange_without_status_in_another_language() -> None:
    """Localised Exchange: the address stands on its own line, the reply below."""
    text = (
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger:\n\nann@customer.example\nDie Adresse wurde nicht "
        "gefunden.\n\nDiagnoseinformationen für Administratoren:\n\nother@internal.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n"
    )
    raw = mail(text, sender="Microsoft Outlook <postmaster@customer.example>", subject="Unzustellbar: Rechnung 1042")
    assert told(read(raw)) == [("ann@customer.example", "failed", R.NO_SUCH_USER)]


def test_tnef_beside_the_text_is_skipped() -> None:
    """winmail.dat is no text."""
    tnef = (
        "Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(b"\x78\x9f\x3e\x22" * 50).decode()
    )
    raw = multipart(
        words("Delivery to the following recipients failed.\n\n  ann@customer.example\n  mailbox full"),
        tnef,
        kind="mixed",
    )
    assert told(read(raw)) == [("ann@customer.example", "failed", R.MAILBOX_FULL)]


def test_a_binary_text_part_is_skipped() -> None:
    """A picture that calls itself text says nothing."""
    picture = (
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(99)).decode()
    )
    raw = multipart(picture, status(block("ann@customer.example", diagnostic="550 User unknown")))
    assert "PNG" not in read(raw).recipients[0].diagnostic


def test_notes_in_iso_2022_jp() -> None:
    """Subject and text in ISO-2022-JP, the reason only in Japanese."""
    subject = "=?iso-2022-jp?B?" + base64.b64encode("配信不能".encode("iso2022_jp")).decode() + "?="
    body = "次の宛先に送信できませんでした\n\n  ann@customer.example\n  ユーザーが見つかりません\n".encode("iso2022_jp")
    head = f"From: postmaster@customer.example\nTo: {OURS}\nSubject: {subject}\nContent-Type: text/plain; charset=iso-2022-jp\n\n"
    assert told(read(head.encode() + body)) == [("ann@customer.example", "failed", R.NO_SUCH_USER)]


def test_russian_exim_names_the_recipient_in_the_header() -> None:
    """Mail.Ru: X-Failed-Recipients, the words in Russian."""
    raw = mail(
        "К сожалению, Ваше письмо не может быть доставлено одному получателю:\n\n  ann@customer.example\n    почтовый ящик переполнен\n",
        "X-Failed-Recipients: ann@customer.example", "Auto-Submitted: auto-replied", "Content-Type: text/plain; charset=utf-8",
    )  # fmt: skip
    assert told(read(raw)) == [("ann@customer.example", "failed", R.MAILBOX_FULL)]


def test_internationalised_addresses() -> None:
    """RFC 6533: utf-8 addresses, literal and escaped, in a global status part."""
    entry = "Final-Recipient: utf-8; ann\\x{E9}@customer.example\nAction: failed\nStatus: 5.1.1"
    raw = multipart(
        words("x"),
        status(
            entry,
            "Final-Recipient: utf-8; zoë@customer.example\nAction: failed\nStatus: 5.1.1",
            kind="message/global-delivery-status",
        ),
    )
    assert [r.address for r in read(raw).recipients] == ["anné@customer.example", "zoë@customer.example"]


def test_qmail_in_a_providers_own_words() -> None:
    """QSBMF: the address before a colon, whatever the sentences around."""
    text = (
        "Hallo, hier ist das Mailprogramm von customer.example.\nIhre Nachricht konnte nicht zugestellt werden.\n\n"
        "<ann@customer.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<bob@customer.example>:\nBenutzer hat keinen Platz: mailbox voll\n\n"
        "--- Below this line is a copy of the message.\n\nReturn-Path: <office@school.example>\nTo: ann@customer.example\n"
    )
    assert told(read(mail(text, subject="failure notice"))) == [
        ("ann@customer.example", "failed", R.NO_SUCH_USER),
        ("bob@customer.example", "failed", R.MAILBOX_FULL),
    ]


def test_text_without_mime_keeps_the_whole_domain() -> None:
    """Old Sendmail: transcript and address, no MIME at all."""
    raw = mail(
        "   ----- Transcript of session follows -----\n550 ann@customer.example... User unknown\n\n   ----- Unsent message follows -----\nFrom: x@y.example\n"
    )
    assert told(read(raw)) == [("ann@customer.example", "failed", R.NO_SUCH_USER)]


def test_words_beat_the_code_and_a_blocklist_never_suppresses() -> None:
    """5.1.1 beside a blocklist message is about us."""
    raw = multipart(
        words("x"), status(block("ann@customer.example", diagnostic="550 5.1.1 192.0.2.1 listed at zen.spamhaus.org"))
    )
    assert read(raw).recipients[0].reason is R.SENDER_BLOCKED


def test_unknown_sender_is_not_an_unknown_recipient() -> None:
    """That the sender is unknown says nothing of the address."""
    raw = multipart(
        words("x"),
        status(
            block(
                "ann@customer.example", diagnostic="550 <office@school.example>: Sender address rejected: User unknown"
            )
        ),
    )
    assert read(raw).recipients[0].reason is R.POLICY_REJECTED


def test_names_with_spam_full_and_quota_do_not_match() -> None:
    """Host and address are masked before words are looked at."""
    raw = multipart(
        words("x"),
        status(
            block("full@quota.example", diagnostic="550 5.1.1 <full@quota.example>: host spam.example: no such user")
        ),
    )
    assert read(raw).recipients[0].reason is R.NO_SUCH_USER


def test_still_trying_though_the_code_is_550() -> None:
    """The words of a warning decide, not the class of a code in it."""
    text = "THIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has been delayed:\n\n     ann@customer.example\n\nMessage will be retried for 2 more day(s)\n\n550 5.7.1 later\n"
    report = read(mail(text, subject="Delivery Status Notification (Delay)"))
    assert report.kind == "delayed"
    assert not report.recipients[0].permanent


def test_gave_up_after_days_is_a_bounce_for_now() -> None:
    """4.4.7 and Action failed: given up, not for good."""
    raw = multipart(words("x"), status(block("ann@customer.example", code="4.4.7", diagnostic="delivery time expired")))
    report = read(raw)
    assert report.kind == "bounce"
    assert (report.recipients[0].reason, report.recipients[0].permanent) == (R.EXPIRED, False)


def test_a_bounce_that_calls_itself_auto_replied() -> None:
    """Exim marks its bounces so; the words say what it is."""
    raw = mail(
        "A message that you sent could not be delivered.\n\n  ann@customer.example\n    550 unknown user\n",
        "Auto-Submitted: auto-replied",
    )
    assert read(raw).kind == "bounce"


def test_a_receipt_that_carries_a_rejection() -> None:
    """Sieve's reject arrives as a disposition notification: a bounce by policy."""
    receipt = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ann@customer.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n"
    raw = multipart(
        words("Your message to <ann@customer.example> was automatically rejected:\nI do not read mail from you."), receipt,
        kind="report; report-type=disposition-notification", subject="Automatically rejected mail",
    )  # fmt: skip
    assert told(read(raw)) == [("ann@customer.example", "failed", R.POLICY_REJECTED)]


def test_a_read_receipt_is_no_bounce() -> None:
    """RFC 8098: displayed is good news."""
    receipt = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ann@customer.example\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    raw = multipart(
        words("Your message was displayed."),
        receipt,
        kind="report; report-type=disposition-notification",
        sender="ann@customer.example",
        subject="Read: Invoice",
    )
    assert read(raw).kind == "not-a-bounce"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Out of Office", "I am on vacation. My mailbox is full, for urgent matters write to bob@customer.example."),
        ("Abwesenheitsnotiz", "Ich bin im Urlaub und nicht erreichbar."),
        ("Respuesta automática: Factura", "Estoy de vacaciones hasta el lunes."),
        ("Réponse automatique", "Je suis absent du bureau."),
        ("自動応答", "休暇中です。"),
        ("Автоответ: счёт", "Я в отпуске."),
        ("Invoice", "Ann no longer works here and has left the company. Please write to bob@customer.example."),
    ],
)
def test_automatic_replies_without_a_header(subject: str, text: str) -> None:
    """Vacation in any language, talk of full mailboxes and people who left: an automatic reply, never a bounce."""
    raw = mail(
        text,
        "Content-Type: text/plain; charset=utf-8",
        sender="Ann <ann@customer.example>",
        subject=subject,
        path="<ann@customer.example>",
    )
    report = read(raw)
    assert report.kind == "autoreply"
    assert told(report) == [("ann@customer.example", "", R.AUTO_REPLY)]


def test_challenge_response_in_a_status() -> None:
    """A request to confirm with Action: failed is no bounce."""
    text = "Your message is being held. Please click the link below to confirm your email; I use an approved senders list to keep out automated mail."
    raw = multipart(
        words(text),
        status(block("ann@customer.example", code="4.7.0", diagnostic="sender not pre-approved")),
        sender="Guard <guard@filter.example>",
        subject="Please confirm your message",
    )
    report = read(raw)
    assert report.kind == "autoreply"
    assert report.recipients[0].reason is R.CHALLENGE_RESPONSE


def feedback(*fields: str) -> str:
    return "Content-Type: message/feedback-report\n\n" + "\n".join(fields) + "\n"


def test_a_complaint() -> None:
    """RFC 5965: the address from the report's fields."""
    raw = multipart(
        words("x"),
        feedback("Feedback-Type: abuse", "Original-Rcpt-To: <ann@customer.example>"),
        returned(),
        kind="report; report-type=feedback-report",
    )
    report = read(raw)
    assert report.kind == "complaint"
    assert told(report) == [("ann@customer.example", "", R.COMPLAINT)]


def test_a_complaint_with_the_address_redacted() -> None:
    """A redacted address is taken from the returned mail."""
    raw = multipart(
        words("x"),
        feedback("Feedback-Type: abuse", "Original-Rcpt-To: redacted@redacted.invalid"),
        returned(),
        kind="report; report-type=feedback-report",
    )
    assert read(raw).recipients[0].address == "ann@customer.example"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_what_only_looks_like_a_complaint(kind: str) -> None:
    """Reports of "not spam" and DMARC failure reports suppress nobody."""
    raw = multipart(
        words("x"),
        feedback(f"Feedback-Type: {kind}", "Original-Rcpt-To: <ann@customer.example>"),
        returned(),
        kind="report; report-type=feedback-report",
    )
    assert read(raw) == Report("not-a-bounce")


def test_an_outlook_complaint_without_a_feedback_part() -> None:
    """JMRP attaches the mail and says no more; the recipient is in a field of its own."""
    raw = multipart(
        returned("x@y.example", ["X-HmXmrOriginalRecipient: ann@hotmail.example"]),
        kind="mixed",
        sender="staff@hotmail.example",
        subject="complaint about message from 192.0.2.1",
        path="<staff@hotmail.example>",
    )
    assert told(read(raw)) == [("ann@hotmail.example", "", R.COMPLAINT)]


def test_an_ordinary_mail_is_no_bounce() -> None:
    """A parent who writes that a mail could not be delivered is a parent."""
    raw = mail(
        "Hello, my invoice could not be delivered last month, is there a problem?",
        sender="Ann <ann@customer.example>",
        subject="Invoice",
        path="<ann@customer.example>",
    )
    assert read(raw) == Report("not-a-bounce")


def test_no_address_anywhere() -> None:
    """A bounce that names nobody is one still: our return path knows whom it is about."""
    report = read(mail("Your message could not be delivered: mailbox full.\n"))
    assert report.kind == "bounce"
    assert told(report) == [("", "failed", R.MAILBOX_FULL)]
