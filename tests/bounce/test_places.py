"""bounce/places.py: how an address stands tells whether a report is about it."""

import pytest

from bounce.places import NEARLY, SET_APART, weigh_places


def weight(*lines: str, ours: set[str] | None = None, returned_to: set[str] | None = None) -> int:
    places = weigh_places(lines, ours=ours or set(), returned_to=returned_to or set())
    return places[-1].weight if places else 0


@pytest.mark.parametrize(
    "line",
    [
        "<ann@customer.example>:",
        "  ann@customer.example",
        "To: <ann@customer.example>",
        "550 ann@customer.example... User unknown",
        " * ann@customer.example",
        "Empfänger: ann@customer.example",
    ],
)
def test_set_apart(line: str) -> None:
    """At the head of its line or behind a label, behind a sentence that introduces it."""
    assert weight("could not be delivered to the following", line) == SET_APART


@pytest.mark.parametrize(
    "line", ["<<< RCPT TO:<ann@customer.example> gone", "unable to deliver your message to ann@customer.example today"]
)
def test_nearly(line: str) -> None:
    """In a quoted command or a sentence about delivery."""
    assert weight(line) == NEARLY


@pytest.mark.parametrize(
    "line",
    [
        "Please contact postmaster@customer.example",
        "for help send mail to help@customer.example",
        "Message-ID: <x@customer.example>",
    ],
)
def test_not_about(line: str) -> None:
    """Whom to ask is not whom the report is about."""
    assert weight(line) <= 0


def test_the_returned_mails_recipient_counts_more() -> None:
    """An address that the mail was for is likely the one."""
    assert (
        weight("x ann@customer.example y", returned_to={"ann@customer.example"})
        == weight("x ann@customer.example y") + 2
    )


def test_ours_are_left_out() -> None:
    """Who speaks and who is spoken to is no place at all."""
    assert weigh_places(["ann@customer.example"], ours={"ann@customer.example"}, returned_to=set()) == []
