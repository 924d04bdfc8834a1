"""bounce/material.py: the report's own words apart from what it returns."""

import pytest

from bounce.material import collect, cut_returned, without_fields
from tests.bounce.mails import mail, multipart, returned, status, words


@pytest.mark.parametrize(
    "marker",
    [
        "--- Below this line is a copy of the message.",
        "------ This is a copy of the message, including all the headers. ------",
        "   ----- Original message follows -----",
        "   ----- Unsent message follows -----",
        "----- Original message -----",
        "Included is a copy of the message header:",
        "Message headers follow.",
        "--- The header of the original message is following. ---",
        "|------------------------- Message text follows: ------------------------|",
        "Original message follows.",
        "Ursprüngliche Nachricht:",
        "Received: from a by b; Tue, 5 Mar 2024",
    ],
)
def test_markers_of_the_returned_mail(marker: str) -> None:
    """Whatever announces the returned mail, the words end there."""
    own, rest = cut_returned(f"ann@customer.example: unknown\n\n{marker}\n\nTo: bob@customer.example\n")
    assert own.strip() == "ann@customer.example: unknown"
    assert rest


@pytest.mark.parametrize(
    "line",
    ["Message log follows:", "the original message was received at noon", "a message that you sent", "returned to you"],
)
def test_what_is_no_marker(line: str) -> None:
    """Sentences that speak of messages do not end the report."""
    assert cut_returned(f"{line}\nann@customer.example\n")[1] == ""


def test_parts_are_sorted() -> None:
    """Words, status and the returned header each come to their place."""
    material = collect(multipart(words("for people"), status("Final-Recipient: rfc822; a@b.example"), returned()))
    assert material.text.strip() == "for people"
    assert len(material.statuses) == 1
    assert material.returned is not None
    assert material.returned.get("to") == "ann@customer.example"


def test_html_only_where_there_is_no_plain_text() -> None:
    """Both ways to say it: the plain one is read."""
    raw = multipart(words("plain"), "Content-Type: text/html\n\n<p>markup</p>", kind="alternative")
    assert collect(raw).text.strip() == "plain"
    assert collect(multipart("Content-Type: text/html\n\n<p>markup</p>", kind="mixed")).text.strip() == "markup"


def test_the_returned_header_in_a_text() -> None:
    """A text that returns the mail below a marker gives its header."""
    material = collect(
        mail(
            "unknown\n\n--- Original message follows.\n\nFrom: office@school.example\nTo: ann@customer.example\n\nDear"
        )
    )
    assert material.returned is not None
    assert material.returned.get("to") == "ann@customer.example"


def test_quoted_header_fields_are_no_words() -> None:
    """The title of the mail and who sent it are not what the report says of the recipient."""
    text = "not delivered:\n  Subject: awaits moderator approval\n  MAIL FROM: office@school.example\nbecause unknown\n"
    assert without_fields(text).split() == ["not", "delivered:", "because", "unknown"]
