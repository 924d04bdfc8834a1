"""bounce/arf.py: who complained, from whichever field tells."""

import pytest

from bounce.arf import read_complaint
from bounce.material import collect
from store.nouns import Reason
from tests.bounce.mails import mail, multipart, returned, words


def report(*fields: str, original: str = "") -> bytes:
    part = "Content-Type: message/feedback-report\n\n" + "\n".join(fields) + "\n"
    return multipart(words("x"), part, original or returned(), kind="report; report-type=feedback-report")


@pytest.mark.parametrize("name", ["Original-Rcpt-To", "Removal-Recipient"])
def test_fields_that_name_the_complainer(name: str) -> None:
    """RFC 5965 section 3.2 and what others use."""
    found = read_complaint(collect(report("Feedback-Type: abuse", f"{name}: <bob@customer.example>")))
    assert found is not None
    assert [(r.address, r.reason) for r in found.recipients] == [("bob@customer.example", Reason.COMPLAINT)]


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other", "opt-out", ""])
def test_kinds_of_complaint(kind: str) -> None:
    """All but the ones that are none."""
    found = read_complaint(collect(report(f"Feedback-Type: {kind}")))
    assert found is not None
    assert found.kind == "complaint"


def test_an_ordinary_mail_is_none() -> None:
    """No feedback part, no complaint."""
    assert read_complaint(collect(mail("hello"))) is None
