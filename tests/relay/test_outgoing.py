"""relay/outgoing.py: each recipient's copy and return path, the same at each attempt."""

from dataclasses import replace

import pytest

from bounce.verp import ReturnPaths
from pixel.settings import PixelSettings
from pixel.token import Tokens
from relay.keys import pixel_seal, return_path_seal
from relay.message.copy import plan
from relay.outgoing import Outgoing
from store.nouns import ContentRef, Job, TrackingMode

KEYS = [bytes(range(32))]
TOKENS = Tokens(pixel_seal(KEYS))
RETURN_PATHS = ReturnPaths(return_path_seal(KEYS), "bounce.example.org", 86_400.0)
CONTENT = (
    b"From: a@club.test\r\nBcc: x@club.test\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n<html><body><p>Geb\xc3\xbchren</p></body></html>\r\n"
)
JOB = Job(
    recipient_id=7,
    message_id=3,
    forward_path="ann@example.org",
    domain="example.org",
    reverse_path="office@club.test",
    tracking=TrackingMode.VERDICT,
    no_pixel_why="",
    prepended=b"Received: from app\r\n",
    content=ContentRef(3, 0, 0, len(CONTENT)),
    smtputf8=False,
    accepted_at=0.0,
    expires_at=1.0,
    attempts=0,
    in_doubt=False,
    size=len(CONTENT),
    eight_bit=True,
)


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(tokens=TOKENS, return_paths=RETURN_PATHS, base_url=lambda _: "https://track.example.org")


def test_the_copy_has_the_recipients_own_pixel(outgoing: Outgoing) -> None:
    """What was prepended stands on top, Bcc is gone, and the token in the HTML opens to this recipient."""
    copied = outgoing.copy(JOB, CONTENT, False)
    assert copied.startswith(b"Received: from app\r\nFrom: a@club.test\r\nContent-Type:")
    token = copied.partition(b"https://track.example.org/o/")[2].partition(b".gif")[0].decode()
    assert TOKENS.decode(token) == JOB.recipient_id
    assert copied.count(b"<img ") == 1


def test_a_sender_with_a_host_of_its_own(outgoing: Outgoing) -> None:
    """The domain in From decides, as for the signature; what is not in the list has the common one."""
    settings = PixelSettings(base_url="https://track.example.org", hosts={"club.test": "https://pixel.club.test"})
    own = Outgoing(tokens=TOKENS, return_paths=RETURN_PATHS, base_url=settings.url_for)
    copied = own.copy(replace(JOB, header_from="office@club.test"), CONTENT, False)
    assert copied == outgoing.copy(JOB, CONTENT, False).replace(b"track.example.org", b"pixel.club.test")
    assert b"https://track.example.org/o/" in own.copy(replace(JOB, header_from="a@other.test"), CONTENT, False)


def test_promise_4_a_retry_sends_the_same_bytes(outgoing: Outgoing) -> None:
    """Also from another process, which has no plan in memory."""
    first = outgoing.copy(JOB, CONTENT, False)
    other = Outgoing(tokens=TOKENS, return_paths=RETURN_PATHS, base_url=lambda _: "https://track.example.org")
    assert outgoing.copy(replace(JOB, attempts=3, in_doubt=True), CONTENT, False) == first
    assert other.copy(JOB, CONTENT, False) == first
    assert other.return_path(JOB) == outgoing.return_path(JOB)


@pytest.mark.parametrize(
    "job", [replace(JOB, tracking=TrackingMode.OFF), replace(JOB, no_pixel_why="tracking off")], ids=["off", "why"]
)
def test_no_pixel_where_none_is_wanted(outgoing: Outgoing, job: Job) -> None:
    """The body leaves as it came."""
    assert outgoing.copy(job, CONTENT, False).endswith(CONTENT.partition(b"\r\n\r\n")[2])


def test_a_peer_without_8bitmime_gets_seven_bits(outgoing: Outgoing) -> None:
    """RFC 6152: the part with 8-bit octets is re-encoded, and the plan for the other peers is not disturbed."""
    seven = outgoing.copy(JOB, CONTENT, True)
    assert seven.isascii()
    assert b"Geb=C3=BChren" in seven
    assert b"Geb\xc3\xbchren" in outgoing.copy(JOB, CONTENT, False)


def test_return_paths_differ_by_recipient_and_can_be_read_back(outgoing: Outgoing) -> None:
    """Each recipient's bounces come back to an address of its own."""
    one, other = outgoing.return_path(JOB), outgoing.return_path(replace(JOB, recipient_id=8))
    assert one != other
    assert (RETURN_PATHS.decode(one, 0.0), RETURN_PATHS.decode(other, 0.0)) == (7, 8)


def test_plans_do_not_fill_the_memory(outgoing: Outgoing) -> None:
    """Mails whose parts must be encoded anew are planned again rather than kept without bound."""
    body = b"<html><body>" + b"\xc3\xa9" * 2_000_000 + b"</body></html>\r\n"
    large = CONTENT.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    for number in range(6):
        outgoing.copy(replace(JOB, message_id=number), large, True)
    kept = sum(made.octets for made in outgoing._plans.values())
    assert kept <= 32 * 1024 * 1024
    assert kept == outgoing._plan_octets


def test_a_plan_made_at_acceptance_gives_the_same_copy(outgoing: Outgoing) -> None:
    """What the door read need not be read again, and nothing differs for it."""
    other = Outgoing(tokens=TOKENS, return_paths=RETURN_PATHS, base_url=lambda _: "https://track.example.org")
    other.expect(JOB.message_id, plan(CONTENT))
    assert other.copy(JOB, CONTENT, False) == outgoing.copy(JOB, CONTENT, False)


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("office@club.test", "bounce.club.test"),
        ("Office@News.Club.Test", "bounce.club.test"),
        ("office@school.test", "school.test"),
        ("office@other.test", "bounce.example.org"),
        ("office@notclub.test", "bounce.example.org"),
        ("", "bounce.example.org"),
    ],
)
def test_the_return_path_belongs_to_the_sender_where_it_can(sender: str, domain: str) -> None:
    """RFC 7489 section 3.1.2: SPF counts for DMARC when the return path's domain is the sender's own."""
    paths = ReturnPaths(
        return_path_seal(KEYS), "bounce.example.org", 86_400.0, aligned=("bounce.club.test", "school.test")
    )
    made = Outgoing(tokens=TOKENS, return_paths=paths, base_url=lambda _: "https://track.example.org").return_path(
        replace(JOB, header_from=sender)
    )
    assert made.endswith(f"@{domain}")
    assert paths.decode(made.upper(), 0.0) == JOB.recipient_id
    assert RETURN_PATHS.decode(made, 0.0) == (JOB.recipient_id if domain == "bounce.example.org" else None)


def test_copies_that_are_only_counted_are_alike(outgoing: Outgoing) -> None:
    """Mode count: the pixel of every recipient holds the message's id, so that nobody is known by loading it."""
    jobs = [replace(JOB, tracking=TrackingMode.COUNT, recipient_id=n) for n in (7, 8)]
    first, second = (outgoing.copy(job, CONTENT, False) for job in jobs)
    assert first == second
    token = first.partition(b"/o/")[2].partition(b".gif")[0].decode()
    assert outgoing._tokens.decode(token) == JOB.message_id
