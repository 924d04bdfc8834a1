"""admin/webhooks/sender.py: one attempt, against receivers of every kind (robustness.md W12, W13)."""

import base64
import hashlib
import hmac
import json
import ssl
import time
from typing import Any

import pytest
import trustme
from standardwebhooks.webhooks import Webhook as Verifier

from admin.webhooks.sender import ANSWER_SHOWN
from admin.webhooks.signature_sendgrid import sendgrid_headers
from store.webhook_nouns import Shape, Webhook
from tests.admin.webhooks.conftest import Names, sender
from tests.rigs.hook_receiver import Behave, HookReceiver, close, endless, hang, status

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
OLD = f"whsec_{base64.b64encode(bytes(32)).decode()}"


def endpoint(url: str, **more: Any) -> Webhook:
    return Webhook(**{"id": 1, "url": url, "secret": SECRET, **more})


async def test_a_call_is_signed(receiver: HookReceiver) -> None:
    """An independent library verifies what arrived, by the bytes that arrived; a second secret signs as well."""
    posts = sender(time.time, receiver)
    hook = endpoint(receiver.url, previous_secret=OLD, previous_until=time.time() + 60)
    answer = await posts.send(hook, "evt_7", '{"subject":"Gebühr"}')
    await posts.close()
    assert (answer.status, answer.error, answer.well) == (204, "", True)
    (told,) = receiver.told
    for secret in (SECRET, OLD):
        assert Verifier(secret).verify(told.body, told.headers) == {"subject": "Gebühr"}
    assert told.headers["content-type"] == "application/json; charset=utf-8"
    assert told.name == "evt_7"
    assert "cookie" not in told.headers


@pytest.mark.parametrize(
    ("behave", "number", "why"),
    [
        (status(500), 500, "answered 500"),
        (status(301, Location="https://elsewhere.example/"), 301, "redirects are not followed"),
        (status(302, Location="http://169.254.169.254/latest/meta-data/"), 302, "redirects are not followed"),
        (status(410), 410, "answered 410"),
        (close, None, "answer is of no use"),
        (hang, None, "no whole answer within 0.2 s"),
    ],
    ids=["500", "301", "302", "410", "close", "hang"],
)
async def test_receivers_that_do_not_take_it(
    receiver: HookReceiver, behave: Behave, number: int | None, why: str
) -> None:
    """Each is an answer in words; a redirect is not followed, to the inside least of all."""
    receiver.always = behave
    posts = sender(time.time, receiver, timeout=0.2 if behave is hang else 60.0)
    answer = await posts.send(endpoint(receiver.url), "evt_1", "{}")
    await posts.close()
    assert answer.status == number
    assert why in answer.error
    assert not answer.well
    assert len(receiver.told) == 1


async def test_an_answer_is_read_no_further_than_of_use(receiver: HookReceiver) -> None:
    """Of one without end 64 kB are read, and the first characters kept."""
    receiver.always = endless
    posts = sender(time.time, receiver)
    answer = await posts.send(endpoint(receiver.url), "evt_1", "{}")
    await posts.close()
    assert (answer.status, answer.text) == (200, "x" * ANSWER_SHOWN)


async def test_retry_after_is_read(receiver: HookReceiver) -> None:
    """In seconds; what is no number is nothing."""
    posts = sender(time.time, receiver)
    receiver.script = [status(429, Retry_After="90"), status(429, Retry_After="Fri, 31 Dec 2026 23:59:59 GMT")]
    answers = [await posts.send(endpoint(receiver.url), "evt_1", "{}") for _ in range(2)]
    await posts.close()
    assert [answer.retry_after for answer in answers] == [90.0, 0.0]


async def test_mailguns_signature_is_of_the_attempt(receiver: HookReceiver) -> None:
    """The block stands in the body, is verified as Mailgun says, and has another token each time."""
    posts = sender(time.time, receiver)
    for _ in range(2):
        await posts.send(endpoint(receiver.url, shape=Shape.MAILGUN), "evt_1", '{"event-data":{"event":"delivered"}}')
    await posts.close()
    blocks = [json.loads(told.body)["signature"] for told in receiver.told]
    for block in blocks:
        signed = (block["timestamp"] + block["token"]).encode()
        assert hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest() == block["signature"]
        assert len(block["token"]) > 40
    assert blocks[0]["token"] != blocks[1]["token"]
    assert json.loads(receiver.told[0].body)["event-data"] == {"event": "delivered"}


@pytest.mark.parametrize("shape", list(Shape))
async def test_sendgrids_signature_is_of_what_arrives(receiver: HookReceiver, shape: Shape) -> None:
    """Its shape alone carries it, over the octets of the body."""
    posts = sender(time.time, receiver)
    await posts.send(endpoint(receiver.url, shape=shape), "evt_1", '[{"email":"bæn@x.test"}]')
    await posts.close()
    (told,) = receiver.told
    own = {name: it for name, it in told.headers.items() if name.startswith("x-twilio")}
    at = float(own.get("x-twilio-email-event-webhook-timestamp", 0))
    expected = sendgrid_headers(told.body, secret=SECRET, now=at) if shape is Shape.SENDGRID else {}
    assert own == {name.lower(): it for name, it in expected.items()}


async def test_without_a_secret_nothing_is_called(receiver: HookReceiver) -> None:
    """Its key is lost: nobody could tell the call from a stranger's."""
    posts = sender(time.time, receiver)
    answer = await posts.send(endpoint(receiver.url, secret=""), "evt_1", "{}")
    await posts.close()
    assert (answer.well, answer.error) == (False, "its secret cannot be opened any more: rotate it")
    assert receiver.told == []


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("batch", [1, 10])
async def test_a_test_call_looks_like_any_other(receiver: HookReceiver, shape: Shape, batch: int) -> None:
    """In the shape of the endpoint, signed, about an address that is nobody's."""
    posts = sender(time.time, receiver)
    answer = await posts.test(endpoint(receiver.url, shape=shape, batch_size=batch))
    await posts.close()
    assert answer.well
    (told,) = receiver.told
    said = Verifier(SECRET).verify(told.body, told.headers)
    assert isinstance(said, list) == (batch > 1 or shape is Shape.SENDGRID)
    assert b"test@example.com" in told.body


# The door to our own network: W12


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/", "127.0.0.1 is loopback"),
        ("http://[::ffff:127.0.0.1]:{port}/", "IPv4-mapped"),
        ("http://0x7f.1:{port}/", "no address in the usual spelling"),
        ("http://127.1:{port}/", "no address in the usual spelling"),
        ("http://2130706433:{port}/", "no address in the usual spelling"),
        ("http://localhost.:{port}/", "loopback"),
        ("http://localhost:{port}/", "loopback"),
        ("http://user:pass@hooks.example:{port}/", "must not hold a user"),
        ("http://hooks.example:25/", "port 25 is not allowed"),
        ("http://hooks.example:{port}/", "hooks.example is no public web server: 127.0.0.1 is loopback"),
        ("gopher://hooks.example:{port}/", "begins with https"),
    ],
)
async def test_nothing_of_ours_is_called(receiver: HookReceiver, url: str, why: str) -> None:
    """However it is spelled, and where a name leads to it; nothing arrives."""
    posts = sender(time.time, receiver, allow_private=())
    answer = await posts.send(endpoint(url.format(port=receiver.port)), "evt_1", "{}")
    await posts.close()
    assert answer.status is None
    assert why in answer.error
    assert receiver.told == []


async def test_http_is_not_spoken_unless_allowed(receiver: HookReceiver) -> None:
    """An endpoint made under another configuration is not called either."""
    posts = sender(time.time, receiver, allow_http=False)
    assert "only https" in (await posts.send(endpoint(receiver.url), "evt_1", "{}")).error
    await posts.close()
    assert receiver.told == []


async def test_a_name_that_changes_its_mind_gets_no_further(receiver: HookReceiver) -> None:
    """DNS rebinding: allowed when first asked, not when asked again. The address connected to is the one looked at."""
    names = Names("127.0.0.2", "127.0.0.1")  # nobody listens at the first one
    posts = sender(time.time, receiver, names, allow_private=("127.0.0.2/32",))
    hook = endpoint(f"http://hooks.example:{receiver.port}/")
    first, second = [await posts.send(hook, "evt_1", "{}") for _ in range(2)]
    await posts.close()
    assert "could not be reached" in first.error
    assert "127.0.0.1" not in first.error
    assert "127.0.0.1 is loopback" in second.error
    assert (names.asked, receiver.told) == (2, [])


async def test_proxies_of_the_environment_are_ignored(receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would look names up for us, behind the guard."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, receiver.url)
    async with HookReceiver() as other:
        posts = sender(time.time, other)
        assert (await posts.send(endpoint(other.url), "evt_1", "{}")).well
        await posts.close()
        assert len(other.told) == 1
    assert receiver.told == []


async def test_certificates_are_verified() -> None:
    """A receiver's certificate must be of an authority that is believed, and for its name."""
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(context)
    answers = []
    async with HookReceiver(context=context) as receiver:
        for trusted, host in ((authority, "hooks.example"), (stranger, "hooks.example"), (authority, "other.example")):
            believed = ssl.create_default_context()
            trusted.configure_trust(believed)
            posts = sender(time.time, receiver, context=believed)
            answers.append(await posts.send(endpoint(f"https://{host}:{receiver.port}/"), "evt_1", "{}"))
            await posts.close()
        assert len(receiver.told) == 1
    assert [answer.well for answer in answers] == [True, False, False]
    assert all("certificate is not good" in answer.error for answer in answers[1:])
