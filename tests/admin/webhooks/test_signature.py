"""admin/webhooks/signature.py, against an independent library for Standard Webhooks."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from admin.webhooks.signature import signed_headers

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


@given(st.dictionaries(st.text(), st.text()))
def test_a_receiver_verifies_it(said: dict[str, str]) -> None:
    """Whatever is said, the library takes the signature and gives what was said."""
    body = json.dumps(said, ensure_ascii=False)
    headers = signed_headers("evt_1", body.encode("utf-8", "surrogatepass"), secrets=(NEW,), now=time.time())
    assert Verifier(NEW).verify(body, headers) == said


def test_while_a_secret_rotates_both_are_good() -> None:
    """A receiver that has the new one, or still the old one, verifies the same call; one with neither does not."""
    headers = signed_headers("evt_1", b"{}", secrets=(NEW, OLD), now=time.time())
    assert Verifier(NEW).verify("{}", headers) == {}
    assert Verifier(OLD).verify("{}", headers) == {}
    other = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify("{}", headers)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "body"])
def test_the_signature_covers_all_of_it(change: str) -> None:
    """Another id, another time or another body is not verified."""
    headers = signed_headers("evt_1", b"{}", secrets=(NEW,), now=time.time())
    body = "{} " if change == "body" else "{}"
    if change == "webhook-id":
        headers["webhook-id"] = "evt_2"
    if change == "webhook-timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 1)
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(body, headers)


def test_an_old_call_is_not_verified() -> None:
    """The time is that of the attempt: receivers refuse what is older than five minutes."""
    headers = signed_headers("evt_1", b"{}", secrets=(NEW,), now=time.time() - 301)
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify("{}", headers)
