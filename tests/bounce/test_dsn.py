"""bounce/dsn.py: the blocks of a delivery status, however they are written."""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded, and speak many languages

import pytest

from bounce.dsn import action_of, diagnostic_of, recipient_blocks
from bounce.report import read
from bounce.reported import MAX_RECIPIENTS
from store.nouns import Reason, Status
from tests.bounce.mails import block, multipart, status, words


def test_blocks_are_split_at_blank_lines() -> None:
    """RFC 3464 section 2.1: per-message fields, then one block for each recipient."""
    blocks = recipient_blocks(
        "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n\nFinal-Recipient: rfc822; c@d.example\n"
    )
    assert [b.get("finalrecipient") for b in blocks] == ["rfc822; a@b.example", "rfc822; c@d.example"]


def test_blocks_without_blank_lines() -> None:
    """A second Final-Recipient begins the next block; the per-message fields may stand in the first."""
    blocks = recipient_blocks(
        "Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nFinal-Recipient: rfc822; c@d.example\n"
    )
    assert [b.get("finalrecipient") for b in blocks] == ["rfc822; a@b.example", "rfc822; c@d.example"]


def test_a_blank_line_amid_a_block() -> None:
    """A Diagnostic-Code behind a blank line belongs to the recipient before it."""
    (only,) = recipient_blocks(
        "Final-Recipient: rfc822; a@b.example\nAction: failed\n\nDiagnostic-Code: smtp; 550 gone\n"
    )
    assert diagnostic_of(only) == "550 gone"


def test_folded_values_and_names() -> None:
    """Folds are joined, with or without the blank that makes one."""
    (only,) = recipient_blocks(
        "Final-Recipient: rfc822;\n a@b.example\nDiagnostic-Code: smtp; 550 5.1.1\n\tUser\nunknown\nAction:\n failed\n"
    )
    assert only.get("finalrecipient") == "rfc822; a@b.example"
    assert diagnostic_of(only) == "550 5.1.1 User unknown"
    assert only.get("action") == "failed"


@pytest.mark.parametrize(
    ("value", "code", "action"),
    [
        ("failed", None, "failed"), ("Failed (bad)", None, "failed"), ("failure", None, "failed"), ("delayed", None, "delayed"), ("delivered", None, "delivered"),
        ("relayed", None, "relayed"), ("expanded", None, "expanded"), ("deliverable", None, "delivered"), ("", "2.0.0", "delivered"), ("", "4.4.1", "failed"), ("", None, "failed"),
    ],
)  # fmt: skip
def test_actions(value: str, code: str | None, action: str) -> None:
    """However it is spelt; without it the class of the status."""
    assert action_of(value, Status.parse(code) if code else None) == action


def test_exit_codes_of_programs_are_words() -> None:
    """Sendmail writes sysexits behind X-Unix: 67 is an unknown user."""
    (only,) = recipient_blocks("Final-Recipient: rfc822; a@b.example\nDiagnostic-Code: X-Unix; 67\n")
    assert diagnostic_of(only) == "user unknown"


def test_reason_from_the_words_beside_the_address() -> None:
    """Without a Diagnostic-Code the text names the reason of each recipient."""
    text = "<ann@customer.example>: mailbox is full\n\n<bob@customer.example>: user unknown\n"
    raw = multipart(
        words(text), status(block("ann@customer.example", code="5.0.0"), block("bob@customer.example", code="5.0.0"))
    )
    assert [r.reason for r in read(raw).recipients] == [Reason.MAILBOX_FULL, Reason.NO_SUCH_USER]


def test_recipients_at_the_limit() -> None:
    """The first MAX_RECIPIENTS are read, whoever sends ten thousand."""
    raw = multipart(words("x"), status(*(block(f"a{n}@customer.example") for n in range(MAX_RECIPIENTS + 50))))
    assert len(read(raw).recipients) == MAX_RECIPIENTS
