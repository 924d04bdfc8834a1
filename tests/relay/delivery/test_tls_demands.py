"""MTA-STS, DANE and the rule against downgrade, through the whole delivery (robustness.md 2.6, RFC 8461, RFC 7672)."""

import asyncio
import ssl
from collections.abc import Callable

import pytest

from store.nouns import Attempt, Phase, Reason
from tests.relay.delivery.tls_world import STRANGER, Scene, issued, pin_authority, pin_key, scene, self_signed
from tests.rigs.dns_server import Chain, Nodata, Servfail
from tests.rigs.policy_host import Endless, Give, Redirect, Stall, policy
from tests.rigs.smtp_sink import Drop, Say, SmtpSink
from tests.rigs.virtual_time import run

GOOD = issued("mx.example.org")
WRONG_NAME = issued("mx.other.test")
UNKNOWN = issued("mx.example.org", by=STRANGER)
ENFORCE = policy("enforce", "mx.example.org")


def deferred(attempt: Attempt, status: str, *words: str) -> None:
    """It waits, for our own finding, with this code and these words."""
    assert (attempt.reply, attempt.reason, attempt.permanent) == (None, Reason.CONNECTION_FAILED, False)
    assert attempt.status == status
    for word in words:
        assert word in attempt.why


def delivered(attempt: Attempt, tls: str) -> None:
    """The other side took it, over this TLS."""
    assert attempt.phase is Phase.END_OF_DATA, attempt
    assert attempt.reply is not None
    assert attempt.reply.positive
    assert attempt.tls.endswith(tls)
    assert bool(attempt.tls) is bool(tls)


# MTA-STS.


def test_an_enforced_policy_with_a_good_certificate_delivers() -> None:
    """And the attempt says what was verified."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(ENFORCE)
            delivered(await here.attempt(1), " verified MTA-STS")
            assert here.web.asked == ["mta-sts.example.org/.well-known/mta-sts.txt"]
            delivered(await here.attempt(2), " verified MTA-STS")
            assert len(here.web.asked) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("context", "word"),
    [
        (WRONG_NAME, "ostname mismatch"),
        (UNKNOWN, "unable to get local issuer"),
        (self_signed("mx.example.org")[0], "self-signed"),
    ],
)
def test_an_enforced_policy_with_a_wrong_certificate_defers_and_says_so(context: ssl.SSLContext, word: str) -> None:
    """4.7.5, never in clear, not even at the next attempt."""

    async def scenario() -> None:
        async with scene(context) as here:
            here.publish(ENFORCE)
            first = await here.attempt(1)
            deferred(first, "4.7.5", "mx.example.org: ", word, "MTA-STS policy asks for TLS")
            assert first.phase is Phase.TLS
            await here.later(100)
            await here.later(600)
            assert len(here.world.ledger.of(1)) == 3
            assert here.sink.mails == []
            assert here.sink.count("MAIL") == 0

    run(scenario())


def test_a_policy_that_does_not_name_the_host_defers() -> None:
    """The host is not even connected to."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(policy("enforce", "mx.other.test", "*.mx.example.org"))
            told = await here.attempt(1)
            deferred(
                told, "4.7.5", "no mail host of example.org may be used", "mx.example.org is not named by the MTA-STS"
            )
            assert here.sink.sessions == []

    run(scenario())


def test_the_hosts_that_a_policy_names_are_used() -> None:
    """A better one that it does not name is passed over."""

    async def scenario() -> None:
        async with scene(GOOD) as here, SmtpSink(host="127.0.0.9", port=here.sink.port) as other:
            here.dns.remove("example.org", "MX")
            here.dns.add("example.org", "MX", "5 odd.example.org.", "10 mx.example.org.")
            here.dns.add("odd.example.org", "A", "127.0.0.9")
            here.publish(policy("enforce", "mx.example.org"))
            delivered(await here.attempt(1), " verified MTA-STS")
            assert other.sessions == []

    run(scenario())


def test_a_wildcard_names_a_host() -> None:
    """One label."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(policy("enforce", "*.example.org"))
            delivered(await here.attempt(1), " verified MTA-STS")

    run(scenario())


@pytest.mark.parametrize("how", ["not offered", "refused", "broken off"])
def test_starttls_stripped_under_an_enforced_policy_defers(how: str) -> None:
    """Whoever sits between cannot have the mail in clear, however often it is tried."""

    async def scenario() -> None:
        offers = () if how == "not offered" else ("STARTTLS",)
        async with scene(None, offers=offers) as here:
            if how == "refused":
                here.sink.on("starttls", Say("454 4.7.0 not now"))
            if how == "broken off":
                here.sink.on("starttls", Say("220 go"), Drop())
            here.publish(ENFORCE)
            status = "4.7.5" if how == "broken off" else "4.7.10"
            deferred(await here.attempt(1), status, "MTA-STS policy asks for TLS")
            await here.later(100)
            await here.later(600)
            assert len(here.world.ledger.of(1)) == 3
            assert here.sink.mails == []

    run(scenario())


@pytest.mark.parametrize(
    ("context", "tls"), [(GOOD, " verified MTA-STS"), (WRONG_NAME, " unverified"), (UNKNOWN, " unverified"), (None, "")]
)
def test_a_policy_that_only_tests_keeps_nothing_back(context: ssl.SSLContext | None, tls: str) -> None:
    """At the first attempt already; a host that it does not name is used as well."""

    async def scenario() -> None:
        async with scene(context) as here:
            here.publish(policy("testing", "mx.example.org"))
            delivered(await here.attempt(1), tls)
            here.publish(policy("testing", "mx.other.test"), domain="other.test")
            here.dns.add("other.test", "MX", "10 mx.example.org.")
            delivered(await here.attempt(2, "ann@other.test"), " unverified" if context else "")

    run(scenario())


def test_a_policy_takes_itself_back() -> None:
    """Mode "none", under a new id: the domain's own word, so no memory of verified TLS stands against it."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(ENFORCE)
            delivered(await here.attempt(1), " verified MTA-STS")
            here.publish(policy("none"), version="2")
            here.sink._starttls = None
            await here.later(120)
            delivered(await here.attempt(2), "")

    run(scenario())


def test_a_policy_stays_until_its_age_is_over() -> None:
    """Neither a record that vanished nor a web server that is gone ends it; max_age does."""

    async def scenario() -> None:
        async with scene(WRONG_NAME) as here:
            here.publish(policy("enforce", "mx.example.org", max_age=7200))
            deferred(await here.attempt(1), "4.7.5")
            here.dns.remove("_mta-sts.example.org")
            here.web.answer = Give(b"", status=500)
            await here.later(7000)
            assert here.sink.mails == []
            await here.later(7200)
            delivered(here.world.last(1), " unverified")

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Redirect("https://mta-sts.other.test/.well-known/mta-sts.txt"),
        Endless,
        lambda: Stall(asyncio.Event()),
        lambda: Give(ENFORCE, content_type="text/html"),
        lambda: Give(b"no policy"),
    ],
    ids=["redirect", "large", "slow", "type", "nonsense"],
)
def test_a_policy_that_cannot_be_fetched_is_none(answer: Callable[[], Give | Redirect | Endless | Stall]) -> None:
    """No new policy: without a known one mail goes as ever, and it is tried again five minutes later."""

    async def scenario() -> None:
        async with scene(WRONG_NAME) as here:
            here.publish(ENFORCE)
            here.web.answer = answer()
            delivered(await here.attempt(1), " unverified")
            await here.later(100)
            delivered(await here.attempt(2), " unverified")
            assert len(here.web.asked) == 1
            here.web.answer = None
            await here.later(300)
            deferred(await here.attempt(3), "4.7.5")

    run(scenario())


@pytest.mark.parametrize("answer", [Redirect("https://x.test/"), Endless(), Give(b"no policy")], ids=str)
def test_a_failed_fetch_keeps_the_known_policy(answer: Give | Redirect | Endless) -> None:
    """A new id, and no policy to be had: the one before counts."""

    async def scenario() -> None:
        async with scene(WRONG_NAME) as here:
            here.publish(ENFORCE)
            deferred(await here.attempt(1), "4.7.5")
            here.publish(policy("none"), version="2")
            here.web.answer = answer
            await here.later(1000)
            deferred(await here.attempt(2), "4.7.5")
            assert here.sink.mails == []
            here.web.answer = None
            await here.later(10_000)
            delivered(here.world.last(1), " unverified")

    run(scenario())


def test_a_known_policy_is_fetched_anew_beside_the_mail() -> None:
    """Once a day, so that it does not end while its web server is away."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(policy("enforce", "mx.example.org", max_age=604_800))
            delivered(await here.attempt(1), " verified MTA-STS")
            await here.later(90_000)
            delivered(await here.attempt(2), " verified MTA-STS")
            await here.later(1)
            assert len(here.web.asked) == 2
            kept = here.memory.policy("example.org")
            assert kept is not None
            assert kept.fetched_at >= here.world.clock() - 60

    run(scenario())


def test_domains_with_and_without_a_policy_share_no_connection() -> None:
    """D18: what was not verified is not used for a domain that asks for it, though the host is the same."""

    async def scenario() -> None:
        async with scene(WRONG_NAME) as here:
            here.dns.add("plain.test", "MX", "10 mx.example.org.")
            here.publish(ENFORCE)
            delivered(await here.attempt(1, "ann@plain.test"), " unverified")
            deferred(await here.attempt(2), "4.7.5")
            delivered(await here.attempt(3, "ann@plain.test"), " unverified")

    run(scenario())


# DANE.


def test_the_right_record_delivers_with_a_self_signed_certificate() -> None:
    """3 1 1: neither name nor date count."""
    context, certificate = self_signed("whatever.test")

    async def scenario() -> None:
        async with scene(context) as here:
            here.pin(pin_key(certificate))
            delivered(await here.attempt(1), " verified DANE")

    run(scenario())


def test_the_right_authority_delivers() -> None:
    """2 0 1: an authority that nobody else believes, shown by the server."""

    async def scenario() -> None:
        async with scene(issued("mx.example.org", by=STRANGER, root=True)) as here:
            here.pin(pin_authority(STRANGER))
            delivered(await here.attempt(1), " verified DANE")

    run(scenario())


def test_an_authority_may_prove_the_domain_in_place_of_the_host() -> None:
    """RFC 7672 section 3.2.2; such a connection is that domain's alone."""

    async def scenario() -> None:
        async with scene(issued("example.org", by=STRANGER, root=True)) as here:
            here.pin(pin_authority(STRANGER))
            here.dns.sign("other.test")
            here.dns.add("other.test", "MX", "10 mx.example.org.")
            delivered(await here.attempt(1), " verified DANE")
            deferred(await here.attempt(2, "ann@other.test"), "4.7.5", "no matching subjectAltName")

    run(scenario())


@pytest.mark.parametrize("record", [pin_key(self_signed("x")[1]), pin_authority(STRANGER)], ids=["3 1 1", "2 0 1"])
def test_the_wrong_record_defers_and_says_so(record: str) -> None:
    """However good the certificate is otherwise; not in clear later, either."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.pin(record)
            told = await here.attempt(1)
            deferred(told, "4.7.5", "mx.example.org: its certificate matches none of the TLSA records", "DANE")
            assert told.phase is Phase.TLS
            await here.later(400)
            assert here.sink.mails == []
            assert here.sink.count("MAIL") == 0

    run(scenario())


def test_no_tls_under_dane_defers() -> None:
    """STARTTLS stripped."""

    async def scenario() -> None:
        async with scene(None) as here:
            here.pin(pin_key(self_signed("x")[1]))
            deferred(await here.attempt(1), "4.7.10", "TLSA records ask for TLS")
            assert here.sink.mails == []

    run(scenario())


def test_records_of_no_use_ask_for_tls_with_any_certificate() -> None:
    """RFC 7672 section 2.2: usages of the web are none for mail."""

    async def scenario() -> None:
        async with scene(WRONG_NAME) as here:
            here.pin("1 1 1 " + "ab" * 32)
            delivered(await here.attempt(1), " unverified")
            here.sink._starttls = None
            await here.later(20)
            deferred(await here.attempt(2), "4.7.10")

    run(scenario())


def test_records_that_cannot_be_had_in_a_signed_zone_defer() -> None:
    """SERVFAIL is what a validating resolver says of what is forged: the host is not connected to."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.dns.sign("example.org")
            here.dns.add(f"_{here.sink.port}._tcp.mx.example.org", "TLSA", Servfail())
            deferred(await here.attempt(1), "4.7.5", "TLSA records cannot be had", "SERVFAIL")
            assert here.sink.sessions == []

    run(scenario())


def test_the_next_host_is_used_when_one_fails_its_record() -> None:
    """By preference; each host by its own records."""
    context, certificate = self_signed("b")

    async def scenario() -> None:
        async with scene(GOOD) as here, SmtpSink(starttls=context, host="127.0.0.8", port=here.sink.port) as other:
            here.dns.remove("example.org", "MX")
            here.dns.add("example.org", "MX", "5 mx.example.org.", "10 b.example.org.")
            here.dns.add("b.example.org", "A", "127.0.0.8")
            here.pin(pin_key(certificate))
            here.pin(pin_key(certificate), name="b.example.org")
            told = await here.attempt(1)
            delivered(told, " verified DANE")
            assert told.remote_host == "b.example.org"
            assert len(other.mails) == 1

    run(scenario())


@pytest.mark.parametrize("unsigned", ["the domain", "the host", "the record", "all, by configuration"])
def test_what_is_not_signed_is_no_dane(unsigned: str) -> None:
    """Records of TLSA count only where every step to them is secure; else TLS is as without them."""

    async def scenario() -> None:
        async with scene(WRONG_NAME, validating=unsigned != "all, by configuration") as here:
            here.dns.remove("example.org", "MX")
            here.dns.add("example.org", "MX", "10 mx.hosts.test.")
            here.dns.add("mx.hosts.test", "A", "127.0.0.1")
            here.dns.add(f"_{here.sink.port}._tcp.mx.hosts.test", "TLSA", pin_authority(STRANGER))
            here.dns.sign("example.org", "hosts.test")
            here.dns.unsign(
                {"the domain": "example.org", "the host": "mx.hosts.test"}.get(unsigned, "_tcp.mx.hosts.test")
            )
            delivered(await here.attempt(1), " unverified")

    run(scenario())


def test_an_alias_has_the_records_of_its_true_name() -> None:
    """RFC 7672 section 2.2.2."""
    context, certificate = self_signed("x")

    async def scenario() -> None:
        async with scene(context) as here:
            here.dns.remove("mx.example.org")
            here.dns.add("mx.example.org", "A", Chain(("true.example.org",), ("127.0.0.1",)))
            here.pin(pin_key(certificate), name="true.example.org")
            delivered(await here.attempt(1), " verified DANE")

    run(scenario())


def test_a_domain_without_mx_is_its_own_host_under_dane() -> None:
    """That there is no MX must be signed as well."""
    context, certificate = self_signed("x")

    async def scenario() -> None:
        async with scene(context) as here:
            here.dns.remove("example.org")
            here.dns.add("example.org", "MX", Nodata())
            here.dns.add("example.org", "A", "127.0.0.1")
            here.pin(pin_key(certificate), name="example.org")
            delivered(await here.attempt(1), " verified DANE")

    run(scenario())


def test_dane_goes_before_a_policy() -> None:
    """RFC 8461 section 2: a good certificate under a policy does not save what fails its record, and the reverse."""
    context, certificate = self_signed("x")

    async def fails() -> None:
        async with scene(GOOD) as here:
            here.publish(ENFORCE)
            here.pin(pin_key(certificate))
            deferred(await here.attempt(1), "4.7.5", "DANE")

    async def proves() -> None:
        async with scene(context) as here:
            here.publish(policy("enforce", "other.test"))
            here.pin(pin_key(certificate))
            delivered(await here.attempt(1), " verified DANE")

    run(fails())
    run(proves())


# No downgrade.


async def _verified_once(here: Scene) -> None:
    here.publish(policy("enforce", "mx.example.org", max_age=3600))
    delivered(await here.attempt(1), " verified MTA-STS")
    here.dns.remove("_mta-sts.example.org")
    here.web.answer = Give(b"", status=500)
    await here.later(4000)


def test_a_domain_seen_with_verified_tls_gets_no_mail_in_clear() -> None:
    """For 30 days after its policy is gone; over TLS it does, whatever the certificate."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            await _verified_once(here)
            here.sink._starttls = WRONG_NAME
            delivered(await here.attempt(2), " unverified")
            here.sink._starttls = None
            await here.later(120)
            deferred(await here.attempt(3), "4.7.10", "verified here within 30 days", "relay.tls.allow_downgrade")
            here.dns.add("plain.test", "MX", "10 mx.example.org.")
            delivered(await here.attempt(4, "ann@plain.test"), "")
            await here.later(31 * 86400)
            delivered(await here.attempt(5), "")

    run(scenario())


@pytest.mark.parametrize("allowed", ["example.org", "*"])
def test_an_operator_may_allow_it(allowed: str) -> None:
    """By domain, or for all."""

    async def scenario() -> None:
        async with scene(GOOD, allow_downgrade=(allowed,)) as here:
            await _verified_once(here)
            here.sink._starttls = None
            delivered(await here.attempt(2), "")

    run(scenario())
