"""bounce/autoreply.py: receipts and who answers."""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded

from bounce.autoreply import automatic, is_refusal, refused_address
from bounce.material import collect
from store.nouns import Reason
from tests.bounce.mails import mail, multipart, words

RECEIPT = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ann@customer.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n"


def test_a_receipt_with_a_refusal_and_one_without() -> None:
    """Deleted unread is no refusal; rejected by a filter is."""
    unread = collect(
        multipart(words("Your message was deleted without being read."), RECEIPT, subject="Not read: Invoice")
    )
    refused = collect(
        multipart(words("It was automatically rejected: no thanks."), RECEIPT, subject="Automatically rejected mail")
    )
    assert not is_refusal(unread)
    assert is_refusal(refused)
    assert refused_address(refused) == "ann@customer.example"


def test_an_automatic_reply_is_about_its_sender() -> None:
    """Who is away is who writes."""
    report = automatic(collect(mail("Away", sender="Ann <ann@customer.example>")))
    assert [(r.address, r.reason, r.permanent) for r in report.recipients] == [
        ("ann@customer.example", Reason.AUTO_REPLY, False)
    ]
